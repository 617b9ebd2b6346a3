/**
 * The sending half of a Child SA: sequence, padding, trailer, encryption (RFC 4303 §3.3), lifetimes and counters.
 * `seal` allocates nothing. Its result is the length of the ESP packet, or a negative DropReason.
 */
import type { Arena, PacketCipher } from "./aead-seam.ts";
import type { CipherJobs } from "./cipher-jobs.ts";
import { DropReason } from "./drop-reason.ts";
import { type Expiry, Lifetime } from "./lifetime.ts";
import {
  ESP_HEADER_LENGTH,
  ESP_TRAILER_LENGTH,
  espAlignment,
  espPacketLength,
  espPadding,
} from "./packet.ts";
import { SA_BYTES, SA_PACKETS } from "./sa-counters.ts";
import type { ChildSaParameters, SequenceBlock } from "./sa-parameters.ts";
import { SequenceCounter } from "./sequence.ts";

const NO_SEQUENCE = -DropReason["no-sequence"];
const EXHAUSTED = -DropReason["sequence-exhausted"];
const ENDED = -DropReason["lifetime-ended"];
const TWO_32 = 0x1_0000_0000;

export class OutboundSa {
  readonly spi: number;
  readonly cipher: PacketCipher;
  readonly sequence: SequenceCounter;
  readonly lifetime: Lifetime;
  /** [packets, bytes] live in shared memory at `slot`. Bytes are those of inner packets (RFC 4301 §4.4.2.1). */
  readonly counters: Float64Array;
  readonly slot: number;
  /** Set when a limit has been crossed; the loop takes it and clears it. */
  expiry: Expiry | undefined = undefined;
  /** Offset of the inner packet from the ESP header. */
  readonly innerOffset: number;
  readonly #esn: boolean;
  readonly #alignment: number;
  readonly #arena: Arena;

  constructor(
    parameters: ChildSaParameters,
    block: SequenceBlock,
    cipher: PacketCipher,
    arena: Arena,
    counters: Float64Array,
    slot: number,
  ) {
    this.spi = parameters.spiOut;
    this.cipher = cipher;
    this.sequence = new SequenceCounter(parameters.esn, block);
    this.lifetime = new Lifetime(parameters.limits);
    this.counters = counters;
    this.slot = slot;
    this.innerOffset = ESP_HEADER_LENGTH + cipher.ivLength;
    this.#esn = parameters.esn;
    this.#alignment = espAlignment(cipher);
    this.#arena = arena;
  }

  /** Length of the ESP packet for an inner packet of `length` bytes. */
  packetLength(length: number): number {
    return espPacketLength(this.cipher, length);
  }

  /**
   * Makes an ESP packet at `header` of the inner packet of `length` bytes that stands at `header + innerOffset`, and puts it
   * into `jobs`, which must not be full. Up to 18 + ICV bytes after the inner packet are overwritten. Returns the length of
   * the ESP packet; it is complete after `jobs.run()`, if `jobs.ok` says so.
   */
  seal(header: number, length: number, nextHeader: number, jobs: CipherJobs): number {
    const counters = this.counters;
    const slot = this.slot;
    const packets = counters[slot + SA_PACKETS]! + 1;
    const octets = counters[slot + SA_BYTES]! + length;
    const next = this.lifetime.next;
    if (octets >= next[0]! || packets >= next[1]!)
      this.expiry = this.lifetime.cross(octets, packets) ?? this.expiry;
    if (this.lifetime.ended) return ENDED;
    const sequence = this.sequence.next();
    if (sequence < 0) return this.sequence.exhausted ? EXHAUSTED : NO_SEQUENCE;

    const { bytes, view } = this.#arena;
    const end = header + this.innerOffset + length;
    const padding = espPadding(this.#alignment, length);
    for (let i = 0; i < padding; i++) bytes[end + i] = i + 1; // RFC 4303 §2.4
    bytes[end + padding] = padding;
    bytes[end + padding + 1] = nextHeader;
    const low = sequence >>> 0;
    view.setUint32(header, this.spi);
    view.setUint32(header + 4, low);
    const high = this.#esn ? Math.floor(sequence / TWO_32) : 0;
    counters[slot + SA_PACKETS] = packets;
    counters[slot + SA_BYTES] = octets;
    return jobs.seal(this.cipher, header, length + padding + ESP_TRAILER_LENGTH, high, low);
  }

  destroy(): void {
    this.cipher.destroy();
  }
}
