/**
 * A reader of DER (X.690 §8.1, §10.1): definite lengths in the shortest form, tags of one byte.
 * Inside this directory bad input is a `DerError` throw; the decoders at its border turn that into a returned error.
 */

export class DerError extends Error {}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** One TLV. `whole` and `contents` are views of the input. */
export interface DerElement {
  readonly tag: number;
  readonly whole: Uint8Array;
  readonly contents: Uint8Array;
}

/** Walks over the TLVs of one constructed value. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The tag of the next element without taking it; `undefined` at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  next(what: string): DerElement {
    const start = this.#at;
    const bytes = this.#bytes;
    const tag = bytes[start];
    const first = bytes[start + 1];
    if (tag === undefined || first === undefined) throw new DerError(`${what} is missing`);
    if ((tag & 0x1f) === 0x1f) throw new DerError(`${what} has a tag of several bytes`);
    let at = start + 2;
    let length = first;
    if (first >= 0x80) {
      const digits = first & 0x7f;
      if (digits === 0 || digits > 3) throw new DerError(`${what} has a length that DER or sanity forbids`);
      length = 0;
      for (let i = 0; i < digits; i++) {
        const digit = bytes[at++];
        if (digit === undefined) throw new DerError(`${what} is cut off`);
        length = length * 256 + digit;
      }
      if (length < 0x80 || length < 2 ** (8 * (digits - 1)))
        throw new DerError(`${what} has a length in more bytes than needed`);
    }
    if (length > bytes.length - at) throw new DerError(`${what} is cut off`);
    this.#at = at + length;
    return { tag, whole: bytes.subarray(start, this.#at), contents: bytes.subarray(at, this.#at) };
  }

  expect(tag: number, what: string): DerElement {
    const found = this.peek();
    if (found !== undefined && found !== tag)
      throw new DerError(`${what} has tag 0x${found.toString(16)} instead of 0x${tag.toString(16)}`);
    return this.next(what);
  }

  /** The next element when it has this tag, else nothing is taken. */
  optional(tag: number, what: string): DerElement | undefined {
    return this.peek() === tag ? this.next(what) : undefined;
  }

  enter(tag: number, what: string): DerReader {
    return new DerReader(this.expect(tag, what).contents);
  }

  end(what: string): void {
    if (!this.atEnd) throw new DerError(`${what} has bytes behind its end`);
  }
}

export function decodeOid(contents: Uint8Array): string {
  if (contents.length === 0) throw new DerError("an object identifier is empty");
  const arcs: number[] = [];
  let arc = 0;
  for (const [i, byte] of contents.entries()) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError("an object identifier is too long");
    if ((byte & 0x80) !== 0) {
      if (i === contents.length - 1) throw new DerError("an object identifier is cut off");
      continue;
    }
    arcs.push(arc);
    arc = 0;
  }
  const first = Math.min(2, Math.floor(arcs[0]! / 40));
  return [first, arcs[0]! - 40 * first, ...arcs.slice(1)].join(".");
}

export function decodeBoolean(element: DerElement): boolean {
  if (element.contents.length !== 1) throw new DerError("a boolean has not one byte");
  return element.contents[0] !== 0;
}

/** A small non-negative integer. */
export function decodeSmallInteger(contents: Uint8Array): number {
  if (contents.length === 0 || contents.length > 4 || (contents[0]! & 0x80) !== 0)
    throw new DerError("an integer is out of range");
  return contents.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The bytes of a BIT STRING without unused bits. */
export function decodeBitString(contents: Uint8Array): Uint8Array {
  if (contents[0] !== 0) throw new DerError("a bit string is not made of whole bytes");
  return contents.subarray(1);
}

/** UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5, as milliseconds since 1970. */
export function decodeTime(element: DerElement): number {
  if (element.contents.length > 15) throw new DerError("a time is not in the form of RFC 5280");
  const text = String.fromCharCode(...element.contents);
  const match =
    element.tag === TAG.utcTime
      ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
      : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) throw new DerError("a time is not in the form of RFC 5280");
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const full = element.tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  return Date.UTC(full, month - 1, day, hour, minute, second);
}
