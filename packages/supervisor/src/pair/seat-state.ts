/**
 * One seat as the engine sees it.
 *
 *      settled ──owner judged down──▶ waiting (azure's phases) ──▶ settled, moved
 *         │ └───────────────── fast, hitless ──────────────────────▶ settled, moved
 *         ├──planned, other seat alive──▶ draining ──quiet──▶ leaving ──dropped──▶ waiting | settled without owner
 *         ├──planned, hitless──▶ arriving (the partner takes first) ──taken──▶ settled, moved
 *         └──planned, else─────▶ leaving ──dropped──▶ waiting | settled, moved
 */
import type { Instant } from "@tandem/sansio";
import type { PairSeat } from "./pair-config.ts";
import type { Phase } from "./phases.ts";

export type Step =
  | { readonly kind: "settled" }
  | {
      readonly kind: "waiting";
      readonly phases: readonly Phase[];
      readonly index: number;
      readonly until: Instant;
    }
  | { readonly kind: "draining"; readonly from: string; readonly until: Instant; readonly reboot: boolean }
  | { readonly kind: "leaving"; readonly from: string; readonly until: Instant; readonly reboot: boolean }
  | { readonly kind: "arriving"; readonly to: string; readonly epoch: number; readonly until: Instant };

export interface SeatState {
  readonly config: PairSeat;
  /** As the fabric has it, or will have it when `pending` is answered. */
  owner: string | null;
  epoch: number;
  /** Never below any epoch that was seen or given out. */
  highest: number;
  step: Step;
  /** Epoch of a `set-owner` without an answer. */
  pending: number | undefined;
  /** A `seat-take` without an answer; asked again at `again`. */
  taking: { readonly instance: string; readonly epoch: number; again: Instant } | undefined;
  /** The epoch in which the owner has answered that it holds the seat. */
  takenEpoch: number;
  /** Outside the VNet's spread until its tunnels stand. */
  warmUntil: Instant | undefined;
  /** Drained by an operator, until told otherwise. */
  drained: boolean;
  /** When it got its present owner. */
  movedAt: Instant;
}

export const newSeat = (config: PairSeat): SeatState => ({
  config,
  owner: null,
  epoch: 0,
  highest: 0,
  step: { kind: "settled" },
  pending: undefined,
  taking: undefined,
  takenEpoch: 0,
  warmUntil: undefined,
  drained: false,
  movedAt: 0,
});

export interface InstanceState {
  readonly name: string;
  /** `unknown`: not seen since our start. */
  health: "unknown" | "up" | "down";
  pid: number;
  readonly held: Map<string, number>;
  upSince: Instant;
  startAt: Instant | undefined;
  /** A process that was told to stop, or has ended: its last answers do not make it "up". */
  leavingPid: number | undefined;
  /** Not to be started by itself. */
  stayDown: boolean;
  /** A `seat-drop` that was sent; sent again when the instance says later that it still holds the seat. */
  readonly dropped: Map<string, { readonly epoch: number; readonly at: Instant }>;
}

export const newInstance = (name: string): InstanceState => ({
  name,
  health: "unknown",
  pid: 0,
  held: new Map(),
  upSince: 0,
  startAt: undefined,
  leavingPid: undefined,
  stayDown: false,
  dropped: new Map(),
});
