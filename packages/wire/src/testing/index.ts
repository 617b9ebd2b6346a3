export { echoPacket, ipPacket, type PacketEnds, tcpPacket, udpPacket } from "./packets.ts";
