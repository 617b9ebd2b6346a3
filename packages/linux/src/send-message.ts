/**
 * A msghdr prepared once per path: destination, source address as packet info, TOS, and last UDP_SEGMENT, which is left out
 * by shortening the control length. Per packet only the iovec, the TOS and the segment size are written.
 */
import { formatAddress, parseAddress } from "@tandem/wire";
import type { Arena, OwnedArena } from "./arena.ts";
import type { DatagramPath } from "./datagram-socket.ts";
import {
  controlSpace,
  encodeSocketAddress,
  IP_PKTINFO,
  IP_TOS,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  MessageField,
  MSGHDR_LENGTH,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_SEGMENT,
  writeControlHeader,
  writeIovec,
  writeMessageHeader,
  writeWord64,
} from "./message.ts";

const NAME = 64;
const IOV = 96;
const CONTROL = 128;
const SEND_MESSAGE_LENGTH = 256;
export const SEND_CONTROL_LENGTH = 128;

const freeSlots = new WeakMap<OwnedArena, number[]>();

export class SendMessage implements DatagramPath {
  readonly local: string;
  readonly remote: string;
  readonly remotePort: number;
  readonly #arena: Arena;
  readonly #slots: number[];
  readonly #at: number;
  readonly #tosData: number;
  readonly #segmentData: number;
  readonly #controlLength: number;
  #released = false;

  /** `fromBytes` all zero leaves the choice of the source to the kernel. */
  constructor(
    arena: OwnedArena,
    local: string,
    fromBytes: Uint8Array,
    remote: string,
    toBytes: Uint8Array,
    remotePort: number,
  ) {
    this.local = local;
    this.remote = remote;
    this.remotePort = remotePort;
    this.#arena = arena;
    this.#slots = freeSlots.get(arena) ?? [];
    freeSlots.set(arena, this.#slots);
    const at = this.#slots.pop() ?? arena.allocate(SEND_MESSAGE_LENGTH);
    this.#at = at;

    const name = encodeSocketAddress(toBytes, remotePort);
    arena.bytes.set(name, at + NAME);
    let control = at + CONTROL;
    if (fromBytes.some((byte) => byte !== 0)) {
      if (fromBytes.length === 4) {
        const data = writeControlHeader(arena, control, SOL_IP, IP_PKTINFO, 12);
        arena.bytes.set(fromBytes, data + 4); // ipi_spec_dst: the source address of an outgoing packet
        control += controlSpace(12);
      } else {
        const data = writeControlHeader(arena, control, SOL_IPV6, IPV6_PKTINFO, 20);
        arena.bytes.set(fromBytes, data);
        control += controlSpace(20);
      }
    }
    const six = fromBytes.length === 16;
    this.#tosData = writeControlHeader(
      arena,
      control,
      six ? SOL_IPV6 : SOL_IP,
      six ? IPV6_TCLASS : IP_TOS,
      4,
    );
    control += controlSpace(4);
    this.#controlLength = control - (at + CONTROL);
    this.#segmentData = writeControlHeader(arena, control, SOL_UDP, UDP_SEGMENT, 2);
    writeMessageHeader(arena, at, {
      name: { offset: at + NAME, length: name.length },
      iov: { offset: at + IOV, count: 1 },
      control: { offset: at + CONTROL, length: this.#controlLength },
    });
  }

  /** Address of the msghdr, ready for sendmsg; copy its 56 bytes into an mmsghdr for sendmmsg. */
  prepare(offset: number, length: number, segmentSize: number, tos: number): number {
    const { view } = this.#arena;
    const at = this.#at;
    writeIovec(this.#arena, at + IOV, offset, length);
    view.setInt32(this.#tosData, tos, true);
    if (segmentSize > 0 && segmentSize < length) {
      view.setUint16(this.#segmentData, segmentSize, true);
      view.setUint32(at + MessageField.controlLength, this.#controlLength + controlSpace(2), true);
    } else {
      view.setUint32(at + MessageField.controlLength, this.#controlLength, true);
    }
    return this.#arena.base + at;
  }

  /** The same for an entry of a batch: header and control data are copied, the caller points the header at its iovec. */
  copyTo(header: number, control: number, segmentSize: number, length: number, tos: number): void {
    const { bytes, view, base } = this.#arena;
    this.prepare(0, length, segmentSize, tos);
    bytes.copyWithin(header, this.#at, this.#at + MSGHDR_LENGTH);
    bytes.copyWithin(control, this.#at + CONTROL, this.#at + CONTROL + SEND_CONTROL_LENGTH);
    writeWord64(view, header + MessageField.control, base + control);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#slots.push(this.#at);
  }
}

/** Throws a RangeError unless both addresses are of the socket's family. */
export function createSendMessage(
  arena: OwnedArena,
  family: 4 | 6,
  local: string,
  remote: string,
  remotePort: number,
): SendMessage {
  const from = parseAddress(local);
  const to = parseAddress(remote);
  const length = family === 4 ? 4 : 16;
  if (from?.length !== length || to?.length !== length) {
    throw new RangeError(`a path of an IPv${family} socket from "${local}" to "${remote}"`);
  }
  return new SendMessage(arena, formatAddress(from), from, formatAddress(to), to, remotePort);
}
