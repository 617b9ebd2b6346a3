/** What a decoder gives back: the value, or why the bytes are none. Decoders never throw on bytes from the network. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export const decoded = <T>(value: T): Decoded<T> => ({ ok: true, value });
export const malformed = (reason: string): { readonly ok: false; readonly reason: string } => ({
  ok: false,
  reason,
});
