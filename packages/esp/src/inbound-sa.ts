/**
 * The receiving half of a Child SA (RFC 4303 §3.4): length, replay check, ICV and decryption, replay commit, padding,
 * inner packet, selectors, in that order. In two halves, so that many packets pass their ciphers together. Nothing is
 * allocated, and nothing that came from the network makes it throw.
 */
import type { Arena, PacketCipher } from "./aead-seam.ts";
import { type CipherJobs, MAX_JOBS } from "./cipher-jobs.ts";
import { DropReason } from "./drop-reason.ts";
import { type InnerPacket, readInnerPacket } from "./inner-packet.ts";
import { type Expiry, Lifetime } from "./lifetime.ts";
import {
  ESP_HEADER_LENGTH,
  ESP_TRAILER_LENGTH,
  espAlignment,
  espMinimumLength,
  NEXT_HEADER_IPV4,
  NEXT_HEADER_IPV6,
  NEXT_HEADER_NONE,
} from "./packet.ts";
import { ReplayWindow } from "./replay-window.ts";
import { SA_BYTES, SA_PACKETS } from "./sa-counters.ts";
import type { ChildSaParameters } from "./sa-parameters.ts";
import { SelectorSet } from "./spd.ts";

const TRUNCATED = -DropReason["esp-truncated"];
const UNALIGNED = -DropReason["esp-unaligned"];
const BAD_ICV = -DropReason["bad-icv"];
const BAD_PADDING = -DropReason["bad-padding"];
const BAD_NEXT_HEADER = -DropReason["bad-next-header"];
const DUMMY = -DropReason["dummy-packet"];
const BAD_INNER = -DropReason["bad-inner-packet"];
const MISMATCH = -DropReason["selector-mismatch"];
const ENDED = -DropReason["lifetime-ended"];
const TWO_32 = 0x1_0000_0000;

export class InboundSa {
  readonly spi: number;
  readonly cipher: PacketCipher;
  readonly replay: ReplayWindow;
  readonly lifetime: Lifetime;
  readonly counters: Float64Array;
  readonly slot: number;
  /** What may come out of the tunnel: sources of the remote side to destinations of ours. */
  readonly remote: SelectorSet;
  readonly local: SelectorSet;
  /** Offset of the inner packet from the ESP header. */
  readonly innerOffset: number;
  expiry: Expiry | undefined = undefined;
  readonly #esn: boolean;
  readonly #minimum: number;
  readonly #alignmentMask: number;
  readonly #arena: Arena;
  /** Of the packet that `finish` last accepted: length of its plaintext, and of its padding. */
  #plain = -1;
  #padding = 0;
  #nextHeader = 0;
  /** The next MAX_JOBS packets like it cross no limit. */
  #farFromLimits = false;

  constructor(
    parameters: ChildSaParameters,
    cipher: PacketCipher,
    arena: Arena,
    counters: Float64Array,
    slot: number,
  ) {
    this.spi = parameters.spiIn;
    this.cipher = cipher;
    this.replay = new ReplayWindow(parameters.replayWindow, parameters.esn);
    this.lifetime = new Lifetime(parameters.limits);
    this.counters = counters;
    this.slot = slot;
    this.remote = new SelectorSet(parameters.remoteSelectors);
    this.local = new SelectorSet(parameters.localSelectors);
    this.innerOffset = ESP_HEADER_LENGTH + cipher.ivLength;
    this.#esn = parameters.esn;
    this.#minimum = espMinimumLength(cipher);
    this.#alignmentMask = espAlignment(cipher) - 1;
    this.#arena = arena;
  }

  /**
   * First half: checks length and replay of the ESP packet of `length` bytes at `header`, whose SPI is this SA's, and puts
   * it into `jobs`, which must not be full. Returns the length of its plaintext, or a negative DropReason. `sequences[job]`
   * is set for the second half. The caller guarantees that [header, header + length) lies in the arena.
   */
  open(header: number, length: number, jobs: CipherJobs, sequences: Float64Array): number {
    if (length < this.#minimum) return TRUNCATED;
    const cipher = this.cipher;
    if (((length - this.innerOffset - cipher.icvLength) & this.#alignmentMask) !== 0) return UNALIGNED;
    const sequence = this.replay.infer(this.#arena.view.getUint32(header + 4));
    const verdict = this.replay.check(sequence);
    if (verdict !== 0) return -verdict;
    sequences[jobs.count] = sequence;
    return jobs.open(cipher, header, length, this.#esn ? Math.floor(sequence / TWO_32) : 0);
  }

  /**
   * Second half, after `jobs.run()`: `authentic` is what `jobs.ok` says, `plain` and `sequence` what the first half gave.
   * On success `inner` describes the packet at `header + innerOffset`; returns its length, or a negative DropReason.
   */
  finish(header: number, plain: number, sequence: number, authentic: boolean, inner: InnerPacket): number {
    if (!authentic) return BAD_ICV;
    // Again: a copy of the packet may have stood before it in the same batch.
    const verdict = this.replay.check(sequence);
    if (verdict !== 0) return -verdict;
    this.replay.commit(sequence);

    // Authentic from here on; what is wrong now is the peer's doing, or the selectors'.
    const { bytes, view } = this.#arena;
    const start = header + this.innerOffset;
    const padding = bytes[start + plain - 2]!;
    const nextHeader = bytes[start + plain - 1]!;
    const room = plain - ESP_TRAILER_LENGTH - padding;
    if (room < 0) return BAD_PADDING;
    for (let i = 0; i < padding; i++) if (bytes[start + room + i] !== i + 1) return BAD_PADDING; // §2.4
    if (nextHeader !== NEXT_HEADER_IPV4 && nextHeader !== NEXT_HEADER_IPV6) {
      return nextHeader === NEXT_HEADER_NONE ? DUMMY : BAD_NEXT_HEADER;
    }
    // The inner packet may be shorter than its room: traffic flow confidentiality padding (§2.7) is cut off here.
    if (!readInnerPacket(inner, bytes, view, start, room)) return BAD_INNER;
    if ((inner.family === 4 ? NEXT_HEADER_IPV4 : NEXT_HEADER_IPV6) !== nextHeader) return BAD_INNER;
    if (!this.remote.matchesSource(inner, bytes) || !this.local.matchesDestination(inner, bytes))
      return MISMATCH;

    const counters = this.counters;
    const slot = this.slot;
    const packets = counters[slot + SA_PACKETS]! + 1;
    const octets = counters[slot + SA_BYTES]! + inner.length;
    const next = this.lifetime.next;
    if (octets >= next[0]! || packets >= next[1]!)
      this.expiry = this.lifetime.cross(octets, packets) ?? this.expiry;
    if (this.lifetime.ended) return ENDED;
    counters[slot + SA_PACKETS] = packets;
    counters[slot + SA_BYTES] = octets;
    this.#plain = plain;
    this.#padding = padding;
    this.#nextHeader = nextHeader;
    this.#lookAhead();
    return inner.length;
  }

  /**
   * Instead of `finish`, for an authentic packet that may be plainly the next one: true when its number follows the highest,
   * it is as long as the last and ends like it, and no limit is within MAX_JOBS packets. Changes nothing; `accept` follows
   * when the inner packet too is what the last one lets expect (same addresses, protocol, ports and length), or `finish` when not.
   */
  isNext(header: number, plain: number, sequence: number): boolean {
    if (sequence !== this.replay.top + 1 || plain !== this.#plain) return false;
    const { bytes } = this.#arena;
    const trailer = header + this.innerOffset + plain - ESP_TRAILER_LENGTH;
    const padding = this.#padding;
    if (bytes[trailer] !== padding || bytes[trailer + 1] !== this.#nextHeader) return false;
    for (let i = 0; i < padding; i++) if (bytes[trailer - padding + i] !== i + 1) return false; // RFC 4303 §2.4
    return this.#farFromLimits;
  }

  /** Remembers the number of a packet that `isNext` has let pass. At most MAX_JOBS of them before `count`. */
  accept(sequence: number): void {
    this.replay.commit(sequence);
  }

  /** Counts packets that were accepted, of `length` bytes together. */
  count(packets: number, length: number): void {
    const { counters, slot } = this;
    counters[slot + SA_PACKETS]! += packets;
    counters[slot + SA_BYTES]! += length;
    this.#lookAhead();
  }

  #lookAhead(): void {
    const { counters, slot, lifetime } = this;
    this.#farFromLimits =
      counters[slot + SA_BYTES]! + MAX_JOBS * this.#plain < lifetime.next[0]! &&
      counters[slot + SA_PACKETS]! + MAX_JOBS < lifetime.next[1]! &&
      !lifetime.ended;
  }

  destroy(): void {
    this.cipher.destroy();
  }
}
