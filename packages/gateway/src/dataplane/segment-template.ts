/**
 * What the segments of one super-packet have in common: their headers, with zeros where they differ, and the sums of those.
 * A segment is built where it will be encrypted: headers from here, then its payload, copied and summed in one pass.
 * RFC 9293 §3.1, RFC 768, RFC 791 §3.1 (identifications count up), RFC 8200 §3.
 */
import type { InnerPacket } from "@tandem/esp";
import { type Checksum, fold, swap16 } from "./checksum.ts";

/** Where the packets go that are cut. */
export interface SegmentTarget {
  /** Offset at which the next packet of `length` bytes is to be built. */
  place(length: number): number;
  /** The packet stands there. */
  commit(offset: number, length: number): void;
}

interface Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** What the region for the template holds: no options are longer than its 255 bytes. */
export const LONGEST_HEADERS = 255;

export class SegmentTemplate {
  readonly checksum: Checksum;
  /** Of the IP header, and of all headers together, bytes. */
  ipLength = 0;
  headerLength = 0;
  /** Of the pseudo-header without its length, and of the upper-layer header. */
  upperSum = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #at: number;
  #four = false;
  #identification = 0;
  #ipSum = 0;

  /** `at` is an arena region of at least 256 bytes. */
  constructor(memory: Memory, checksum: Checksum, at: number) {
    this.#bytes = memory.bytes;
    this.#view = memory.view;
    this.checksum = checksum;
    this.#at = at;
  }

  /**
   * Takes the headers of a super-packet. In its upper-layer header the caller has zeroed what differs per segment; in its IP
   * header that is done here, so the super-packet is of no further use but for its payload.
   */
  take(packet: InnerPacket, upperLength: number): void {
    const view = this.#view;
    const { checksum } = this;
    const start = packet.offset;
    const four = packet.family === 4;
    const ipLength = packet.upper - start;
    this.#four = four;
    this.ipLength = ipLength;
    this.headerLength = ipLength + upperLength;
    if (four) {
      this.#identification = view.getUint16(start + 4);
      view.setUint16(start + 2, 0);
      view.setUint16(start + 4, 0);
      view.setUint16(start + 10, 0);
    } else view.setUint16(start + 4, 0);
    this.#bytes.copyWithin(this.#at, start, start + this.headerLength);
    this.#ipSum = four ? checksum.add(0, start, ipLength) : 0;
    this.upperSum =
      checksum.add(0, packet.source, four ? 8 : 32) +
      swap16(packet.protocol) +
      checksum.add(0, start + ipLength, upperLength);
  }

  /** Writes the headers of the next segment, `total` bytes long, at `to`; the upper-layer header is the template's. */
  stamp(to: number, total: number): void {
    const view = this.#view;
    const bytes = this.#bytes;
    const from = this.#at;
    const length = this.headerLength;
    // A few dozen bytes: word stores beat the call that copyWithin is.
    let i = 0;
    for (; i + 4 <= length; i += 4) view.setInt32(to + i, view.getInt32(from + i, true), true);
    for (; i < length; i++) bytes[to + i] = bytes[from + i]!;
    if (!this.#four) {
      view.setUint16(to + 4, total - 40);
      return;
    }
    const identification = this.#identification;
    this.#identification = (identification + 1) & 0xffff;
    view.setUint16(to + 2, total);
    view.setUint16(to + 4, identification);
    const sum = this.#ipSum + swap16(total) + swap16(identification);
    view.setUint16(to + 10, ~fold(sum) & 0xffff, true);
  }
}
