/**
 * Key material that does not print itself: `toJSON`, `toString` and Node's `inspect` give a length, so a log line,
 * a status snapshot or a recording that meets a key by accident shows `[secret: 32 bytes]`.
 *
 * It is a Uint8Array in every other way, and its slices are secret too. A structured clone (postMessage) turns it
 * into a plain Uint8Array: the receiver wraps it again with `secretBytes`.
 */
export class SecretBytes extends Uint8Array {
  toJSON(): string {
    return `[secret: ${this.length} bytes]`;
  }
  override toString(): string {
    return this.toJSON();
  }
  override toLocaleString(): string {
    return this.toJSON();
  }
}

Object.defineProperty(SecretBytes.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: SecretBytes): string {
    return this.toJSON();
  },
});

/** Views `bytes` as a secret, without a copy: the caller gives up the plain view. */
export function secretBytes(bytes: Uint8Array): SecretBytes {
  if (bytes instanceof SecretBytes) return bytes;
  return new SecretBytes(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}
