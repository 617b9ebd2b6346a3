/**
 * Reads fields in network order. A read past the end does not throw: it sets `failed`, consumes nothing and returns 0 or no
 * bytes, as do all reads after it. So a decoder reads a whole fixed part in a row and asks `failed` once, before it uses
 * anything it read.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;
  #failed = false;

  /** Reads `bytes[start..end)`; the bytes are not copied. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = Math.max(0, Math.min(end, bytes.length));
    this.#at = Math.max(0, Math.min(start, this.#end));
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Offset of the next byte in the bytes given to the constructor. */
  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#take(1) ? this.#view.getUint8(this.#at - 1) : 0;
  }

  u16(): number {
    return this.#take(2) ? this.#view.getUint16(this.#at - 2) : 0;
  }

  u24(): number {
    if (!this.#take(3)) return 0;
    return (this.#view.getUint8(this.#at - 3) << 16) | this.#view.getUint16(this.#at - 2);
  }

  u32(): number {
    return this.#take(4) ? this.#view.getUint32(this.#at - 4) : 0;
  }

  u64(): bigint {
    return this.#take(8) ? this.#view.getBigUint64(this.#at - 8) : 0n;
  }

  /** A view of the next `length` bytes, not a copy. */
  bytes(length: number): Uint8Array {
    return this.#take(length)
      ? this.#bytes.subarray(this.#at - length, this.#at)
      : this.#bytes.subarray(0, 0);
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A reader of the next `length` bytes; this one moves past them. It has failed from the start when they are not there. */
  sub(length: number): ByteReader {
    const inner = new ByteReader(this.bytes(length));
    inner.#failed = this.#failed;
    return inner;
  }

  #take(length: number): boolean {
    if (this.#failed || length < 0 || length > this.#end - this.#at) {
      this.#failed = true;
      return false;
    }
    this.#at += length;
    return true;
  }
}
