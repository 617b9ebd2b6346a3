export type { Arena, CipherQueue, PacketCipher, PacketCipherBackend } from "./aead-seam.ts";
export { ChildSa } from "./child-sa.ts";
export { CipherJobs, MAX_JOBS } from "./cipher-jobs.ts";
export { DROP_REASON_NAMES, DropReason, type DropReasonName } from "./drop-reason.ts";
export { InboundSa } from "./inbound-sa.ts";
export {
  InnerPacket,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readInnerPacket,
} from "./inner-packet.ts";
export { type Expiry, Lifetime } from "./lifetime.ts";
export {
  DEFAULT_MSS,
  IPV4_HEADER_LENGTH,
  IPV6_HEADER_LENGTH,
  innerMtu,
  mssFor,
  outerHeaderLength,
  UDP_HEADER_LENGTH,
} from "./mtu.ts";
export { OutboundSa } from "./outbound-sa.ts";
export {
  ESP_HEADER_LENGTH,
  ESP_MAX_TRAILER,
  ESP_TRAILER_LENGTH,
  type EspFraming,
  espPacketLength,
  NEXT_HEADER_IPV4,
  NEXT_HEADER_IPV6,
} from "./packet.ts";
export { REPLAY_WINDOW_MAX, REPLAY_WINDOW_MIN, ReplayWindow } from "./replay-window.ts";
export * from "./sa-counters.ts";
export type {
  ChildSaLiveState,
  ChildSaParameters,
  EspKeys,
  SequenceBlock,
  TrafficSelector,
  TunnelEndpoints,
} from "./sa-parameters.ts";
export { Sad } from "./sad.ts";
export { LAST_EXTENDED_SEQUENCE, LAST_SEQUENCE, SequenceCounter } from "./sequence.ts";
export { SelectorSet, selectorsKey } from "./spd.ts";
