/**
 * Counters in memory that the worker writes and anyone reads at any time, without a message and without stopping the loop.
 * One double each: an aligned 8-byte store is not torn on the 64-bit machines this runs on, and nothing is allocated.
 *
 *      drops by reason │ loop │ tunnel slots │ Child SA slots
 */
import { DROP_REASON_NAMES, SA_SLOT_LENGTH } from "@tandem/esp";

/** What the loop counts about itself. */
export const LOOP_COUNTERS = [
  "turns",
  "tunReads",
  "tunReadBytes",
  "tunWrites",
  "tunWriteBytes",
  "segmentsOut",
  "segmentsIn",
  "joined",
  "udpSends",
  "udpSendBytes",
  "udpReceives",
  "udpReceiveBytes",
  "ikeIn",
  "ikeOut",
  "icmpErrors",
  "fragmented",
  "transit",
  "gsoFallbacks",
  "captureLost",
  "pathMtuLowered",
] as const;
export type LoopCounterName = (typeof LOOP_COUNTERS)[number];
export const LoopCounter: Readonly<Record<LoopCounterName, number>> = Object.freeze(
  Object.fromEntries(LOOP_COUNTERS.map((name, i) => [name, DROP_REASON_NAMES.length + i])) as Record<
    LoopCounterName,
    number
  >,
);

/** Packets and inner bytes of a tunnel over all its Child SAs, and flows seen in the last while. */
export const TUNNEL_PACKETS_OUT = 0;
export const TUNNEL_BYTES_OUT = 1;
export const TUNNEL_PACKETS_IN = 2;
export const TUNNEL_BYTES_IN = 3;
export const TUNNEL_FLOWS = 4;
export const TUNNEL_SLOT_LENGTH = 6;

/** A gateway with 5,000 clients, each with a Child SA that is being rekeyed; 2.5 MB at most. */
export const MAX_TUNNELS = 8192;
export const MAX_CHILD_SAS = 20_480;

const TUNNELS_AT = DROP_REASON_NAMES.length + LOOP_COUNTERS.length;
const CHILD_SAS_AT = TUNNELS_AT + MAX_TUNNELS * TUNNEL_SLOT_LENGTH;
export const COUNTERS_LENGTH: number = CHILD_SAS_AT + MAX_CHILD_SAS * SA_SLOT_LENGTH;

export const createCounters = (): Float64Array<SharedArrayBuffer> =>
  new Float64Array(new SharedArrayBuffer(COUNTERS_LENGTH * 8));

/** Hands out slots of one kind, the lowest free one first; a slot is zeroed when it is taken. */
export class SlotPool {
  readonly #counters: Float64Array;
  readonly #start: number;
  readonly #length: number;
  readonly #used: boolean[];
  /** Below it no slot is free. */
  #lowest = 0;

  constructor(counters: Float64Array, kind: "tunnel" | "child-sa") {
    this.#counters = counters;
    this.#start = kind === "tunnel" ? TUNNELS_AT : CHILD_SAS_AT;
    this.#length = kind === "tunnel" ? TUNNEL_SLOT_LENGTH : SA_SLOT_LENGTH;
    this.#used = new Array<boolean>(kind === "tunnel" ? MAX_TUNNELS : MAX_CHILD_SAS).fill(false);
  }

  /** Index of the slot's first counter, or -1 when all are taken. */
  take(): number {
    const index = this.#used.indexOf(false, this.#lowest);
    if (index < 0) return -1;
    this.#used[index] = true;
    this.#lowest = index + 1;
    const at = this.#start + index * this.#length;
    this.#counters.fill(0, at, at + this.#length);
    return at;
  }

  release(at: number): void {
    const index = (at - this.#start) / this.#length;
    this.#used[index] = false;
    this.#lowest = Math.min(this.#lowest, index);
  }
}
