/**
 * The ESP packet (RFC 4303 §2), in tunnel mode:
 *
 *       0               4               8                8+iv                                  n-icv        n
 *      ┌───────────────┬───────────────┬────────────────┬──────────────────────────────────────┬────────────┐
 *      │ SPI           │ sequence (lo) │ explicit IV    │ inner packet, padding, pad len, next │ ICV        │
 *      └───────────────┴───────────────┴────────────────┴──────────────────────────────────────┴────────────┘
 *                                                        ◀────────────── encrypted ────────────▶
 *      ◀─────────────────────────────────────── authenticated ──────────────────────────────────▶
 */
export const ESP_HEADER_LENGTH = 8;
/** Pad length and next header. */
export const ESP_TRAILER_LENGTH = 2;
/** Padding is at most this long in any suite here (AES-CBC), so this many bytes past a packet are borrowed while sealing. */
export const ESP_MAX_TRAILER = 18;

/** RFC 4303 §2.6 next header: IPv4 in tunnel mode, IPv6 in tunnel mode, dummy packet. */
export const NEXT_HEADER_IPV4 = 4;
export const NEXT_HEADER_IPV6 = 41;
export const NEXT_HEADER_NONE = 59;

/** What the arithmetic needs to know of a suite. */
export interface EspFraming {
  readonly ivLength: number;
  readonly icvLength: number;
  readonly blockLength: number;
}

/** The ciphertext is a multiple of this (RFC 4303 §2.4: of 4 at least, so that the ICV is aligned); a power of two. */
export const espAlignment = (framing: EspFraming): number => Math.max(4, framing.blockLength);

/** Padding bytes in front of the pad length for an inner packet of `length` bytes. */
export function espPadding(alignment: number, length: number): number {
  return -(length + ESP_TRAILER_LENGTH) & (alignment - 1);
}

/** Length of the whole ESP packet that carries an inner packet of `length` bytes. */
export function espPacketLength(framing: EspFraming, length: number): number {
  const padding = espPadding(espAlignment(framing), length);
  return ESP_HEADER_LENGTH + framing.ivLength + length + padding + ESP_TRAILER_LENGTH + framing.icvLength;
}

/** Shortest ESP packet that can hold a trailer. */
export const espMinimumLength = (framing: EspFraming): number =>
  ESP_HEADER_LENGTH + framing.ivLength + espAlignment(framing) + framing.icvLength;
