/**
 * Places of one Child SA's counters inside its slot of the shared counter memory: doubles, written by the worker only,
 * read by anyone at any time.
 */
export const SA_PACKETS = 0;
export const SA_BYTES = 1;

/** Offsets of the two directions inside the slot, and of what else is counted per SA. */
export const SA_OUT = 0;
export const SA_IN = 2;
export const SA_REPLAYS = 4;
export const SA_BAD_ICV = 5;
export const SA_OTHER_DROPS = 6;
/** Unix milliseconds of the last packet in and out, at batch granularity. */
export const SA_LAST_IN = 7;
export const SA_LAST_OUT = 8;
/** The next outbound sequence number and the replay window's top, for status. */
export const SA_SEQUENCE = 9;
export const SA_TOP = 10;
export const SA_SLOT_LENGTH = 12;
