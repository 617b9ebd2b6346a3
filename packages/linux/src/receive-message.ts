/** A msghdr for receiving with room for the sender's address and control data, and the decoding of what came. */
import type { Arena, OwnedArena } from "./arena.ts";
import type { ReceivedDatagram } from "./datagram-socket.ts";
import {
  CMSG_HEADER_LENGTH,
  IP_PKTINFO,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  MessageField,
  MSG_CTRUNC,
  MSG_TRUNC,
  SOCKADDR_IN6_LENGTH,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
  writeIovec,
  writeMessageHeader,
} from "./message.ts";

const NAME = 64;
const IOV = 96;
const CONTROL = 128;
const CONTROL_LENGTH = 256;
const RECEIVE_MESSAGE_LENGTH = CONTROL + CONTROL_LENGTH;

export class ReceiveMessage {
  readonly received: ReceivedDatagram;
  readonly #arena: Arena;
  readonly #at: number;
  readonly #header: number;

  /** `header` is where the msghdr stands, in an array of mmsghdr; its own place when not given. */
  constructor(arena: OwnedArena, family: 4 | 6, header?: number) {
    this.#arena = arena;
    this.#at = arena.allocate(RECEIVE_MESSAGE_LENGTH);
    this.#header = header ?? this.#at;
    writeMessageHeader(arena, this.#header, {
      name: { offset: this.#at + NAME, length: SOCKADDR_IN6_LENGTH },
      iov: { offset: this.#at + IOV, count: 1 },
      control: { offset: this.#at + CONTROL, length: CONTROL_LENGTH },
    });
    this.received = {
      segmentSize: 0,
      payloadOffset: 0,
      remoteAddressOffset: this.#at + NAME + (family === 4 ? 4 : 8),
      remotePort: 0,
      localAddressOffset: -1,
      interfaceIndex: 0,
      tos: 0,
      ttl: -1,
      truncated: false,
    };
  }

  /** Address of the msghdr, its lengths reset. */
  prepare(offset: number, length: number): number {
    const { view } = this.#arena;
    writeIovec(this.#arena, this.#at + IOV, offset, length);
    view.setUint32(this.#header + MessageField.nameLength, SOCKADDR_IN6_LENGTH, true);
    view.setUint32(this.#header + MessageField.controlLength, CONTROL_LENGTH, true);
    return this.#arena.base + this.#header;
  }

  /** Fills `received` after recvmsg returned `length` bytes. */
  decode(offset: number, length: number): void {
    const { view } = this.#arena;
    const received = this.received;
    received.segmentSize = length;
    received.payloadOffset = offset;
    received.remotePort = view.getUint16(this.#at + NAME + 2);
    received.localAddressOffset = -1;
    received.interfaceIndex = 0;
    received.tos = 0;
    received.ttl = -1;
    received.truncated =
      (view.getInt32(this.#header + MessageField.flags, true) & (MSG_TRUNC | MSG_CTRUNC)) !== 0;

    let at = this.#at + CONTROL;
    const end =
      at + Math.min(CONTROL_LENGTH, view.getUint32(this.#header + MessageField.controlLength, true));
    while (at + CMSG_HEADER_LENGTH <= end) {
      const size = view.getUint32(at, true);
      if (size < CMSG_HEADER_LENGTH || at + size > end) return;
      this.#decodeControl(view.getInt32(at + 8, true), view.getInt32(at + 12, true), at + CMSG_HEADER_LENGTH);
      at += (size + 7) & ~7;
    }
  }

  #decodeControl(level: number, type: number, data: number): void {
    const { view } = this.#arena;
    const received = this.received;
    if (level === SOL_UDP) {
      if (type === UDP_GRO) received.segmentSize = view.getInt32(data, true);
    } else if (level === SOL_IP) {
      if (type === IP_PKTINFO) {
        received.interfaceIndex = view.getInt32(data, true);
        received.localAddressOffset = data + 8; // ipi_addr: the destination in the header
      } else if (type === IP_TOS) received.tos = view.getUint8(data);
      else if (type === IP_TTL) received.ttl = view.getInt32(data, true);
    } else if (level === SOL_IPV6) {
      if (type === IPV6_PKTINFO) {
        received.localAddressOffset = data;
        received.interfaceIndex = view.getInt32(data + 16, true);
      } else if (type === IPV6_TCLASS) received.tos = view.getInt32(data, true);
      else if (type === IPV6_HOPLIMIT) received.ttl = view.getInt32(data, true);
    }
  }
}
