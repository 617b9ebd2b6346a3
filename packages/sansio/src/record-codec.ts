/**
 * Values as single lines of JSON: plain objects, arrays, strings, numbers, booleans, null, plus
 *
 *      Uint8Array   {"$bytes":"00ff"}          bigint   {"$bigint":"18446744073709551615"}
 *      secret       {"$secret":32}             a Uint8Array with a `toJSON` of its own (crypto's SecretBytes)
 *
 * Secrets are written as their length unless the caller asks for them (tests with throw-away keys).
 */

const HEX = "0123456789abcdef";

function toHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += HEX[byte >> 4]! + HEX[byte & 15]!;
  return out;
}

function fromHex(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export interface RecordOptions {
  /** Write secrets in clear. */
  readonly includeSecrets?: boolean;
}

function toPlain(value: unknown, options: RecordOptions): unknown {
  if (typeof value === "bigint") return { $bigint: value.toString() };
  if (value instanceof Uint8Array) {
    if ("toJSON" in value && options.includeSecrets !== true) return { $secret: value.length };
    return { $bytes: toHex(value) };
  }
  if (Array.isArray(value)) return value.map((item) => toPlain(item, options));
  if (typeof value !== "object" || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith("$")) throw new RangeError(`a recorded object cannot have the key ${key}`);
    if (item !== undefined) out[key] = toPlain(item, options);
  }
  return out;
}

function fromPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== "object" || value === null) return value;
  if ("$bytes" in value) return fromHex(String(value.$bytes));
  if ("$bigint" in value) return BigInt(String(value.$bigint));
  if ("$secret" in value)
    throw new RangeError("the recording holds a secret's length only and cannot be replayed");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromPlain(item)]));
}

/** One line, without the line feed. Equal values give equal text as long as their keys come in the same order. */
export function encodeRecord(value: unknown, options: RecordOptions = {}): string {
  return JSON.stringify(toPlain(value, options));
}

/** The inverse. Throws on text that `encodeRecord` did not write, and on redacted secrets. */
export function decodeRecord(line: string): unknown {
  return fromPlain(JSON.parse(line));
}
