/**
 * What the engine knows of one gateway, and the few changes that it can ask for. Deciding when is pair-engine.ts and
 * pair-commands.ts; every change of ownership goes through `own`.
 */
import type { Instant } from "@tandem/sansio";
import { type PairConfig, TIMES } from "./pair-config.ts";
import type { PairEffect } from "./pair-events.ts";
import { describePhase, type Phase, plannedPhases } from "./phases.ts";
import { type InstanceState, newInstance, newSeat, type SeatState } from "./seat-state.ts";

export class PairState {
  readonly config: PairConfig;
  readonly seats: ReadonlyMap<string, SeatState>;
  readonly instances: ReadonlyMap<string, InstanceState>;
  readonly effects: PairEffect[] = [];
  /** seat -> the instance that it is moving away from. */
  readonly #avoid = new Map<string, string>();

  constructor(config: PairConfig) {
    this.config = config;
    this.seats = new Map(config.seats.map((s) => [s.name, newSeat(s)]));
    this.instances = new Map(config.instances.map((i) => [i, newInstance(i)]));
  }

  /** Nobody owns the seat, or its clock has run out: who should have it? */
  assign(seat: SeatState, now: Instant): void {
    const { home } = seat.config;
    const anyone = this.config.seats.length === 1 || this.config.profile === "hitless";
    const dead = seat.owner !== null && this.health(seat.owner) === "down" ? seat.owner : undefined;
    const wanted = [home, this.partner(home)].filter((i) => i === home || anyone);
    // Not back to the one that has just been left, when there is another.
    const order = wanted.filter((i) => i !== dead && i !== this.#avoid.get(seat.config.name));
    const to = [...order, ...wanted].find((i) => this.health(i) === "up");
    if (to !== undefined) {
      this.#avoid.delete(seat.config.name);
      this.move(seat, to, now);
    } else if (seat.owner !== null) this.own(seat, null, this.nextEpoch(seat), false);
  }

  move(seat: SeatState, to: string, now: Instant): void {
    const from = seat.owner;
    const epoch = this.nextEpoch(seat);
    const stale = this.instances.get(to)!.held.has(seat.config.name);
    // What it still holds from an earlier epoch may have been gone on with elsewhere: it must not go on with it too.
    const mode = this.config.profile === "hitless" && !stale ? "adopt" : "fresh";
    // In with the living only when its tunnels stand, unless what is out anyway is its own traffic.
    const warm = mode === "fresh" && this.othersServe(seat);
    this.own(seat, to, epoch, warm);
    if (warm) seat.warmUntil = now + TIMES.longestWarmUp;
    if (stale) this.drop(seat, to, false, now);
    this.askTake(seat, to, epoch, mode, now);
    if (from !== null && from !== to) this.drop(seat, from, false, now);
    this.moved(seat, to, now);
  }

  moved(seat: SeatState, to: string, now: Instant): void {
    seat.movedAt = now;
    this.event("seat.moved", `${seat.config.name}: now at ${to}, epoch ${seat.epoch}`, {
      seat: seat.config.name,
      instance: to,
      operationName: "GatewayTenantPrimaryChanged",
    });
  }

  /** The one change of ownership. */
  own(seat: SeatState, owner: string | null, epoch: number, drained: boolean, from?: string): void {
    seat.owner = owner;
    seat.epoch = epoch;
    seat.pending = epoch;
    seat.takenEpoch = 0;
    seat.warmUntil = undefined;
    seat.drained = false;
    if (seat.taking !== undefined && seat.taking.epoch !== epoch) seat.taking = undefined;
    this.effects.push(
      { kind: "remember", seat: seat.config.name, epoch },
      {
        kind: "set-owner",
        seat: seat.config.name,
        owner,
        epoch,
        drained,
        ...(from === undefined ? {} : { from }),
      },
    );
  }

  askTake(
    seat: SeatState,
    instance: string,
    epoch: number,
    mode: "fresh" | "adopt",
    now: Instant,
    hold = false,
  ): void {
    seat.taking = { instance, epoch, again: now + TIMES.retry };
    this.effects.push({ kind: "seat-take", instance, seat: seat.config.name, epoch, mode, hold });
  }

  drop(seat: SeatState, instance: string, farewell: boolean, now: Instant): void {
    this.instances.get(instance)!.dropped.set(seat.config.name, { epoch: seat.highest, at: now });
    this.effects.push({
      kind: "seat-drop",
      instance,
      seat: seat.config.name,
      epoch: seat.highest,
      farewell,
    });
  }

  wait(seat: SeatState, phases: readonly Phase[], index: number, now: Instant): void {
    const phase = phases[index]!;
    seat.step = { kind: "waiting", phases, index, until: now + phase.duration };
    this.event("failover.phase", describePhase(phase), { seat: seat.config.name, simulated: true });
  }

  /** hitless, planned: the partner has everything before the fabric changes, so nothing waits for it. */
  arrive(seat: SeatState, to: string, now: Instant): void {
    const epoch = this.nextEpoch(seat);
    seat.step = { kind: "arriving", to, epoch, until: now + TIMES.longestDrain };
    this.askTake(seat, to, epoch, this.config.profile === "hitless" ? "adopt" : "fresh", now, true);
  }

  /** Planned, by negotiation: where another seat serves, flows move there first. */
  retire(seat: SeatState, from: string, drain: boolean, now: Instant): void {
    if (!drain) {
      this.leave(seat, from, this.config.seats.length > 1, now);
      return;
    }
    seat.step = { kind: "draining", from, until: now + TIMES.longestDrain, reboot: true };
    this.effects.push(
      { kind: "fabric-drain", seat: seat.config.name, off: false },
      { kind: "seat-drain", instance: from, seat: seat.config.name, off: false },
    );
    this.event("failover.draining", `${seat.config.name}: flows move first`, {
      seat: seat.config.name,
      instance: from,
    });
  }

  /** A clean stop and a start, whatever the restart rule says. Its last answers do not count as a return. */
  reboot(instance: InstanceState, now: Instant): void {
    instance.health = "down";
    instance.leavingPid = instance.pid;
    instance.startAt = now + this.restartDelay();
    this.effects.push({ kind: "stop", instance: instance.name });
  }

  /** `azure` imitates the reboot of a machine for active-active; active-standby has a clock of its own. */
  restartDelay(): number {
    const { profile, restartDelay, seats } = this.config;
    return profile === "azure" && seats.length > 1 ? TIMES.activeActiveReboot : restartDelay;
  }

  /** The next owner is to be another one, if there is one. */
  avoid(seat: SeatState, instance: string): void {
    this.#avoid.set(seat.config.name, instance);
  }

  leave(seat: SeatState, from: string, reboot: boolean, now: Instant): void {
    seat.step = { kind: "leaving", from, until: now + TIMES.retry, reboot };
    this.nextEpoch(seat);
    this.drop(seat, from, true, now);
  }

  left(seat: SeatState, from: string, reboot: boolean, now: Instant): void {
    seat.step = { kind: "settled" };
    this.avoid(seat, from);
    this.instances.get(from)!.held.delete(seat.config.name);
    if (reboot && ![...this.seats.values()].some((s) => s.owner === from && s.step.kind !== "settled")) {
      this.reboot(this.instances.get(from)!, now);
    }
    const waits = this.config.profile === "azure" && this.config.seats.length === 1;
    if (waits || this.config.seats.length > 1) this.own(seat, null, this.nextEpoch(seat), false);
    if (waits) this.wait(seat, plannedPhases(this.config.planned), 0, now);
    else if (this.config.seats.length === 1) this.assign(seat, now);
  }

  /** Held by its owner; or without one, where nobody else may take it and nobody brings its home back. */
  settled(name: string): boolean {
    const seat = this.seats.get(name)!;
    if (seat.step.kind !== "settled" || seat.pending !== undefined) return false;
    if (seat.owner !== null) return seat.takenEpoch === seat.epoch && this.health(seat.owner) === "up";
    const home = this.instances.get(seat.config.home)!;
    return this.config.restart === "manual" || home.stayDown;
  }

  /** Its home is back and it is elsewhere: where there are two seats, each belongs home. */
  wantsFailback(seat: SeatState): boolean {
    return (
      this.config.seats.length > 1 &&
      this.config.failback === "auto" &&
      seat.step.kind === "settled" &&
      seat.owner !== null &&
      seat.owner !== seat.config.home &&
      seat.takenEpoch === seat.epoch &&
      this.health(seat.config.home) === "up"
    );
  }

  /** When the home has been up for a while, and the seat where it is for as long: BGP's sessions stand again by then. */
  failbackAt(seat: SeatState): Instant {
    return Math.max(this.instances.get(seat.config.home)!.upSince, seat.movedAt) + TIMES.failbackDelay;
  }

  othersServe(seat: SeatState): boolean {
    return [...this.seats.values()].some(
      (s) =>
        s !== seat &&
        s.owner !== null &&
        s.step.kind === "settled" &&
        s.takenEpoch === s.epoch &&
        s.owner !== seat.owner &&
        this.health(s.owner) === "up",
    );
  }

  /** Seats of an instance, or the one seat that is named. */
  seatsAt(target: string): SeatState[] {
    const one = this.seats.get(target);
    return one !== undefined ? [one] : [...this.seats.values()].filter((s) => s.owner === target);
  }

  partner(instance: string): string {
    return this.config.instances.find((i) => i !== instance) ?? instance;
  }

  health(instance: string): "unknown" | "up" | "down" {
    return this.instances.get(instance)?.health ?? "down";
  }

  nextEpoch(seat: SeatState): number {
    seat.highest = Math.max(seat.highest, seat.epoch) + 1;
    return seat.highest;
  }

  unknown(name: string): string {
    return `${name} is neither an instance nor a seat of ${this.config.gateway} (${[...this.instances.keys(), ...this.seats.keys()].join(", ")})`;
  }

  event(
    event: string,
    message: string,
    more: { seat?: string; instance?: string; simulated?: boolean; operationName?: string } = {},
  ): void {
    this.effects.push({ kind: "event", event, message, ...more });
  }
}
