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

/** No headers that are cut here are longer, and the region for the template has room for 15 bytes more. */
export const LONGEST_HEADERS = 255;

export class SegmentTemplate {
  /** Of the IP header, and of all headers together, bytes. */
  ipLength = 0;
  headerLength = 0;
  readonly #checksum: Checksum;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #at: number;
  #four = false;
  #identification = 0;
  #ipSum = 0;
  /** Of the pseudo-header without its length, and of the upper-layer header. */
  #upperSum = 0;

  /** `at` is an arena region of at least 272 bytes. */
  constructor(memory: Memory, checksum: Checksum, at: number) {
    this.#bytes = memory.bytes;
    this.#view = memory.view;
    this.#checksum = checksum;
    this.#at = at;
  }

  /**
   * Takes the headers of a super-packet. In its upper-layer header the caller has zeroed what differs per segment; in its IP
   * header that is done here, so the super-packet is of no further use but for its payload.
   */
  take(packet: InnerPacket, upperLength: number): void {
    const view = this.#view;
    const checksum = this.#checksum;
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
    this.#upperSum =
      checksum.add(0, packet.source, four ? 8 : 32) +
      swap16(packet.protocol) +
      checksum.add(0, start + ipLength, upperLength);
  }

  /**
   * Builds the next segment, `total` bytes long, at `to`: the headers, of which the upper-layer one is the template's, and what
   * remains from `body`. Returns the sum of pseudo-header, upper-layer header and body, not folded. Up to 15 bytes behind
   * the segment are overwritten.
   */
  build(to: number, total: number, body: number): number {
    const view = this.#view;
    const length = this.headerLength;
    const sum = this.#checksum.assemble(this.#upperSum, to, this.#at, length, body, total - length);
    if (!this.#four) {
      view.setUint16(to + 4, total - 40);
      return sum;
    }
    const identification = this.#identification;
    this.#identification = (identification + 1) & 0xffff;
    view.setUint16(to + 2, total);
    view.setUint16(to + 4, identification);
    const ipSum = this.#ipSum + swap16(total) + swap16(identification);
    view.setUint16(to + 10, ~fold(ipSum) & 0xffff, true);
    return sum;
  }
}
