/** Numbers that the specifications fix, and numbers that are our choice. */

// Specification.
export const HEADER_LENGTH = 19;
/** RFC 4271 §4.1; RFC 8654 (longer messages) is not offered. */
export const MAXIMUM_MESSAGE_LENGTH = 4096;
export const BGP_VERSION = 4;
export const BGP_PORT = 179;
/** RFC 4271 §8.2.2: the "large value" of the hold timer before an OPEN has come. */
export const OPEN_HOLD_TIME_SECONDS = 240;
/** RFC 4271 §10 */
export const CONNECT_RETRY_TIME_SECONDS = 120;
export const HOLD_TIME_SECONDS = 180;
/** RFC 4724 §3: twelve bits. */
export const MAXIMUM_RESTART_TIME_SECONDS = 4095;

// Implementation.
export const RESTART_TIME_SECONDS = 120;
/** RFC 4724 §4.2 asks for an upper bound and leaves its value open. */
export const STALE_PATH_TIME_SECONDS = 360;
/** RFC 4724 §4.1: Selection_Deferral_Timer. */
export const SELECTION_DEFERRAL_SECONDS = 60;
export const IDLE_HOLD_TIME_SECONDS = 1;
export const MAXIMUM_IDLE_HOLD_DOUBLINGS = 6;
export const MAX_PREFIXES_RESTART_SECONDS = 60;
/** RFC 9687 §5: at least eight minutes, or twice the hold time. */
export const SEND_HOLD_TIME_SECONDS = 480;
/** Bytes written and not yet reported as sent, above which a session gets no more routes. */
export const SEND_WINDOW_BYTES: number = 512 * 1024;
/** Size that one `write` effect with routes aims at. */
export const WRITE_BYTES: number = 64 * 1024;
/** Prefixes looked at in one slice of any work that walks a table: keeps a slice to a few milliseconds. */
export const SLICE_PREFIXES = 4096;
/** Entries in one `routes-changed` effect. */
export const FIB_BATCH = 2048;
/** Bytes of a shutdown communication that are kept (RFC 9003 §2). */
export const MAXIMUM_COMMUNICATION_BYTES = 255;
/** Prefixes that one speaker holds at most, over all peers and families: several full tables of the Internet. */
export const MAXIMUM_PREFIXES_HELD = 4_000_000;
/** UPDATEs with survivable errors that are logged per session; of those after them, each thousandth is. */
export const LOGGED_ERRORS = 10;
