/** Constants, split into what the specification says and what this implementation chose. Times are milliseconds. */

// Specification.
export const IKE_VERSION = 0x20; // major 2, minor 0: RFC 7296 §3.1
export const IKE_PORT = 500;
export const NAT_T_PORT = 4500; // RFC 7296 §2.23
export const NONCE_MIN_LENGTH = 16; // RFC 7296 §2.10
export const NONCE_MAX_LENGTH = 256;
export const COOKIE_MAX_LENGTH = 64; // RFC 7296 §2.6

// Implementation.
export const NONCE_LENGTH = 32; // at least half the key of any PRF here (RFC 7296 §2.10)
/** A datagram above this is refused before it is read; four times what any honest peer sends unfragmented. */
export const MESSAGE_MAX_LENGTH = 65_535;
export const PAYLOADS_MAX = 128;
export const PROPOSALS_MAX = 64;
export const TRANSFORMS_MAX = 255;
export const SELECTORS_MAX = 255;
/** An address, a netmask or a DNS server each; nobody needs more. */
export const CFG_ATTRIBUTES_MAX = 64;
export const CERTIFICATES_MAX = 16;

/** IP datagram size from which messages are fragmented (RFC 7383 §2.5.1 gives 1280 for IPv6; we use it for both). */
export const FRAGMENT_IP_SIZE = 1280;
export const FRAGMENTS_MAX = 64;
export const REASSEMBLY_TIMEOUT = 15_000;

/** Half-open responders: from here on cookies are demanded, from there on new ones are refused. */
export const HALF_OPEN_COOKIE_THRESHOLD = 64;
export const HALF_OPEN_MAX = 1024;
export const HALF_OPEN_PER_SOURCE_MAX = 16;
export const HALF_OPEN_TIMEOUT = 30_000;
/** Cookies are valid while their secret is the current or the previous one. */
export const COOKIE_SECRET_LIFETIME = 60_000;
/** Rounds of cookie and INVALID_KE_PAYLOAD that an initiator follows before it gives up. */
export const INIT_ROUNDS_MAX = 6;

/** Unauthenticated error answers per second to all sources together (INVALID_IKE_SPI, INVALID_MAJOR_VERSION). */
export const ERROR_ANSWERS_PER_SECOND = 10;

/** Datagrams kept while a crypto job makes the keys that open them. */
export const PENDING_DATAGRAMS_MAX = 64;

/** First waits between retransmissions; RFC 7296 §2.4 wants at least a dozen tries over several minutes at most. */
export const RETRANSMIT_FIRST = 500;
export const RETRANSMIT_FACTOR = 1.8;
export const RETRANSMIT_CAP = 15_000;
export const RETRANSMIT_TRIES = 8;

/** NAT keepalive interval (RFC 3948 §4). */
export const NAT_KEEPALIVE_INTERVAL = 20_000;

/** A rekeyed inbound SA lives on this long for packets still under way. */
export const REKEYED_LINGER = 2_000;
/** How long the responder of a reauthentication waits for the peer to delete the old IKE SA. */
export const REPLACED_WAIT = 3_000;

/**
 * A redundant IKE SA after a simultaneous rekey is closed by its initiator (RFC 7296 §2.8.2). One that does not do so within
 * this time has forgotten it, or has never heard that it was made: it is asked once more, for as long as the second says.
 */
export const REDUNDANT_WAIT = 1_000;
export const REDUNDANT_PATIENCE = 2_000;
/** When a new IKE SA goes on with what its predecessor had to do, so that the peer has seen the last of that one. */
export const SUCCESSOR_WAIT = 500;
/** Wait before a refused or collided rekey is tried again, plus jitter of the same length. */
export const TEMPORARY_FAILURE_WAIT = 2_000;
/** Waits before a failed initiation is tried again: doubled from first to cap, with jitter. */
export const REDIAL_FIRST = 1_000;
export const REDIAL_CAP = 30_000;

/** Initiator-side duplicates of one tunnel that came up this close together are a crossing, settled by nonces. */
export const CROSSING_WINDOW = 10_000;

export const CHILDREN_PER_IKE_SA_MAX = 128;
/** SK initialisation vectors (a counter for AEADs) are reserved and replicated in blocks of this many. */
export const IV_BLOCK = 256;
