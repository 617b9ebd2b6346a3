/**
 * Every fate of a packet that is not delivered, named once. Numbers index the counters in shared memory; names are what
 * status shows. A reason is a small negative number on the hot path (`-DropReason.replay`), so that a length and a
 * failure travel in one integer without allocation.
 */
const NAMES = [
  "none",
  // Inbound, before authentication (RFC 4303 §3.4).
  "esp-truncated",
  "esp-unaligned",
  "unknown-spi",
  "replay-seen",
  "replay-too-old",
  "bad-icv",
  // Inbound, after authentication.
  "bad-padding",
  "bad-next-header",
  "dummy-packet",
  "bad-inner-packet",
  "selector-mismatch",
  "ecn-illegal",
  // Outbound.
  "no-route",
  "no-tunnel-up",
  "selector-outbound",
  "no-sequence",
  "sequence-exhausted",
  "lifetime-ended",
  "seal-failed",
  "ttl-expired",
  "too-big",
  "oversized",
  "not-ip",
  "malformed-offload",
  "loop-refused",
  // The outside and the TUN device.
  "outer-truncated",
  "outer-not-esp",
  "outer-fragment",
  "unknown-seat",
  "keepalive",
  "ike-flood",
  "socket-full",
  "socket-error",
  "tun-full",
  "tun-error",
  "icmp-untrusted",
] as const;

export type DropReasonName = (typeof NAMES)[number];

/** Index to name; position is the counter's slot. */
export const DROP_REASON_NAMES: readonly DropReasonName[] = NAMES;

/** Name to index. */
export const DropReason: Readonly<Record<DropReasonName, number>> = Object.freeze(
  Object.fromEntries(NAMES.map((name, index) => [name, index])) as Record<DropReasonName, number>,
);
