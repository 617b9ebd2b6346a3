/** What the engine believes, for status and health. */
import type { InstanceState, SeatState } from "./seat-state.ts";

export interface SeatView {
  readonly name: string;
  readonly owner: string | null;
  readonly epoch: number;
  readonly step: string;
  /** Its owner has said that it holds it. */
  readonly ready: boolean;
}

export interface InstanceView {
  readonly name: string;
  readonly health: string;
  readonly pid: number;
  readonly draining: boolean;
}

export const seatView = (seat: SeatState): SeatView => ({
  name: seat.config.name,
  owner: seat.owner,
  epoch: seat.epoch,
  step: seat.step.kind,
  ready: seat.owner !== null && seat.takenEpoch === seat.epoch,
});

export const instanceView = (instance: InstanceState, seats: readonly SeatState[]): InstanceView => ({
  name: instance.name,
  health: instance.health,
  pid: instance.pid,
  draining: seats.some((s) => s.owner === instance.name && (s.drained || s.step.kind === "draining")),
});
