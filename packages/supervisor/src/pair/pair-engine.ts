/**
 * The pair logic of one gateway, pure: who owns which seat, and what is done about it.
 *
 * It compares what is (the fabric's owners, what instances hold, who is alive) with what should be, and asks for the
 * difference; it keeps no plan that a crash could lose. A supervisor that starts again feeds in what it finds and goes on.
 *
 * Ownership changes by one effect, `set-owner` with a higher epoch; nothing else moves packets. Everything asked of
 * instances (take, drop, drain) may be late, lost or repeated without harm (DESIGN §3).
 */
import type { Engine, Instant } from "@tandem/sansio";
import { CommandQueue } from "./command-queue.ts";
import { describe, runCommand } from "./pair-commands.ts";
import { type PairConfig, TIMES } from "./pair-config.ts";
import type { PairEffect, PairInput } from "./pair-events.ts";
import { PairState } from "./pair-state.ts";
import { type Phase, unplannedPhases } from "./phases.ts";
import type { InstanceState, SeatState } from "./seat-state.ts";
import { type InstanceView, instanceView, type SeatView, seatView } from "./state-view.ts";

/** How far the next epoch is above one that an instance refused. */
const REFUSED_STEP = 8;

export class PairEngine implements Engine<PairInput, PairEffect> {
  readonly #state: PairState;
  readonly #queue = new CommandQueue();
  #fabric = false;
  #graceUntil: Instant | undefined;

  constructor(config: PairConfig, now: Instant) {
    this.#state = new PairState(config);
    this.#graceUntil = now + TIMES.grace;
  }

  handle(input: PairInput, now: Instant): void {
    this.#take(input, now);
    this.#advance(now);
  }

  handleTimeout(now: Instant): void {
    if (this.#graceUntil !== undefined && now >= this.#graceUntil) {
      this.#graceUntil = undefined;
      for (const i of this.#state.instances.values()) {
        if (i.health === "unknown") this.#goesDown(i, "not seen since the supervisor started", now, true);
      }
    }
    this.#advance(now);
  }

  poll(): PairEffect | undefined {
    return this.#state.effects.shift();
  }

  nextTimeout(): Instant | undefined {
    let next = this.#graceUntil;
    const consider = (at: Instant | undefined): void => {
      if (at !== undefined && (next === undefined || at < next)) next = at;
    };
    for (const seat of this.#state.seats.values()) {
      // Only what `#advanceSeat` would act upon: without the fabric, or with an answer outstanding, nothing is due.
      if (!this.#fabric || seat.pending !== undefined) continue;
      if (seat.step.kind !== "settled") consider(seat.step.until);
      else if (seat.owner !== null && this.#state.health(seat.owner) === "up") {
        consider(seat.taking?.again);
        consider(seat.warmUntil);
        if (this.#state.wantsFailback(seat)) {
          consider(this.#state.failbackAt(seat));
        }
      }
    }
    for (const i of this.#state.instances.values()) consider(i.startAt);
    consider(this.#queue.deadline);
    return next;
  }

  /** For status: what the engine believes now. */
  seats(): readonly SeatView[] {
    return [...this.#state.seats.values()].map(seatView);
  }

  instances(): readonly InstanceView[] {
    const seats = [...this.#state.seats.values()];
    return [...this.#state.instances.values()].map((i) => instanceView(i, seats));
  }

  #take(input: PairInput, now: Instant): void {
    switch (input.kind) {
      case "fabric":
        for (const found of input.seats) this.#learnOwner(found);
        this.#fabric = true;
        return;
      case "fabric-lost":
        this.#fabric = false;
        return;
      case "fabric-changed": {
        const seat = this.#state.seats.get(input.seat);
        if (seat?.pending === input.epoch) seat.pending = undefined;
        return;
      }
      case "remembered":
        for (const { name, epoch } of input.seats) {
          const seat = this.#state.seats.get(name);
          if (seat !== undefined) seat.highest = Math.max(seat.highest, epoch);
        }
        return;
      case "instance-up":
        this.#comesUp(input, now);
        return;
      case "instance-down": {
        const instance = this.#state.instances.get(input.instance);
        if (instance !== undefined) this.#goesDown(instance, input.message, now, input.cause === "exit");
        return;
      }
      case "seat-taken":
      case "seat-dropped":
      case "seat-failed":
        this.#answered(input, now);
        return;
      case "seat-quiet": {
        const seat = this.#state.seats.get(input.seat);
        if (seat?.step.kind === "draining") seat.step = { ...seat.step, until: now };
        return;
      }
      case "seat-ready": {
        const seat = this.#state.seats.get(input.seat);
        if (seat?.warmUntil !== undefined) seat.warmUntil = now;
        return;
      }
      case "command":
        if (input.command.verb === "restore" || input.command.verb === "stay-down") {
          runCommand(this.#state, this.#queue, input.id, input.command, now);
          return;
        }
        if (this.#busy())
          this.#state.event("failover.queued", `${describe(input.command)} waits for what is under way`);
        this.#queue.push(input.id, input.command);
        return;
    }
  }

  /** The fabric is right, also where it has not heard of what we asked for before it was away. */
  #learnOwner(found: { readonly name: string; readonly owner: string | null; readonly epoch: number }): void {
    const seat = this.#state.seats.get(found.name);
    if (seat === undefined) return;
    // Asked before our latest change, answered after it.
    if (this.#fabric && seat.pending !== undefined && found.epoch < seat.pending) return;
    if (found.epoch !== seat.epoch) seat.takenEpoch = 0;
    seat.owner = found.owner;
    seat.epoch = found.epoch;
    seat.highest = Math.max(seat.highest, found.epoch);
    seat.pending = undefined;
  }

  #comesUp(input: Extract<PairInput, { kind: "instance-up" }>, now: Instant): void {
    const instance = this.#state.instances.get(input.instance);
    if (instance === undefined || instance.leavingPid === input.pid) return;
    instance.leavingPid = undefined;
    if (instance.health !== "up" || instance.pid !== input.pid) {
      instance.upSince = now;
      instance.dropped.clear();
      this.#state.event("instance.up", `${input.instance} answers, process ${input.pid}`, {
        instance: input.instance,
      });
      for (const seat of this.#state.seats.values())
        if (seat.taking?.instance === instance.name) seat.taking = undefined;
    }
    instance.health = "up";
    instance.pid = input.pid;
    instance.startAt = undefined;
    instance.held.clear();
    for (const { name, epoch } of input.seats) {
      instance.held.set(name, epoch);
      const seat = this.#state.seats.get(name);
      if (seat === undefined) continue;
      seat.highest = Math.max(seat.highest, epoch);
      if (seat.owner === instance.name && seat.epoch === epoch) seat.takenEpoch = epoch;
    }
  }

  #goesDown(instance: InstanceState, message: string, now: Instant, gone = false): void {
    if (gone) {
      instance.held.clear();
      instance.leavingPid = instance.pid;
    }
    if (instance.health === "down") {
      if (gone) this.#startLater(instance, now);
      return;
    }
    instance.health = "down";
    this.#state.event("instance.down", `${instance.name}: ${message}`, {
      instance: instance.name,
      operationName: "HostMaintenanceEvent",
    });
    // A process that is only silent is not started a second time.
    if (gone) this.#startLater(instance, now);
  }

  #startLater(instance: InstanceState, now: Instant): void {
    if (this.#state.config.restart === "manual" || instance.stayDown) return;
    instance.startAt = Math.min(
      instance.startAt ?? Number.POSITIVE_INFINITY,
      now + this.#state.restartDelay(),
    );
  }

  #answered(
    input: Extract<PairInput, { kind: "seat-taken" | "seat-dropped" | "seat-failed" }>,
    now: Instant,
  ): void {
    const seat = this.#state.seats.get(input.seat);
    const instance = this.#state.instances.get(input.instance);
    if (seat === undefined || instance === undefined) return;
    if (input.kind === "seat-dropped") {
      instance.held.delete(input.seat);
      if (seat.step.kind === "leaving" && seat.step.from === instance.name)
        seat.step = { ...seat.step, until: now };
      return;
    }
    const taking = seat.taking;
    if (taking === undefined || taking.instance !== instance.name || taking.epoch !== input.epoch) return;
    if (input.kind === "seat-failed") {
      // It may have heard of higher epochs than we have: the next try is above them, sooner or later.
      seat.highest += REFUSED_STEP;
      seat.takenEpoch = seat.epoch;
      taking.again = now + TIMES.retry / 4;
      this.#state.event("seat.failed", `${instance.name} cannot take ${input.seat}: ${input.reason}`, {
        seat: input.seat,
      });
      return;
    }
    seat.taking = undefined;
    instance.held.set(input.seat, input.epoch);
    if (seat.step.kind === "arriving" && seat.step.to === instance.name) {
      if (!this.#fabric) {
        // Nobody can change the fabric: the holder keeps its seat, and this one gives back what it took.
        seat.step = { kind: "settled" };
        return;
      }
      // The one that had it is told when the fabric has changed: until then packets are still its own.
      seat.step = { kind: "settled" };
      const from = seat.owner !== null && this.#state.health(seat.owner) === "up" ? seat.owner : undefined;
      this.#state.own(seat, instance.name, input.epoch, false, from);
      seat.takenEpoch = input.epoch;
      this.#state.moved(seat, instance.name, now);
      return;
    }
    if (seat.owner === instance.name && seat.epoch === input.epoch) seat.takenEpoch = input.epoch;
  }

  // ── what should be ────────────────────────────────────────────────────────────────────────────────────────────────

  #advance(now: Instant): void {
    if (this.#fabric) {
      for (const seat of this.#state.seats.values()) this.#advanceSeat(seat, now);
      this.#dropStrays(now);
    }
    this.#state.effects.push(...this.#queue.finished((name) => this.#state.settled(name), now));
    while (!this.#busy()) {
      const next = this.#queue.next();
      if (next === undefined) break;
      runCommand(this.#state, this.#queue, next.id, next.command, now);
    }
    for (const instance of this.#state.instances.values()) this.#advanceInstance(instance, now);
  }

  #advanceInstance(instance: InstanceState, now: Instant): void {
    if (instance.startAt === undefined || now < instance.startAt) return;
    // Asked again if it does not come up: a start that fails must not be the last one.
    instance.startAt = this.#state.config.restart === "auto" && !instance.stayDown ? now + 10_000 : undefined;
    this.#state.effects.push({ kind: "start", instance: instance.name });
  }

  #advanceSeat(seat: SeatState, now: Instant): void {
    if (seat.pending !== undefined) return;
    const step = seat.step;
    if (step.kind !== "settled" && now >= step.until) this.#stepEnds(seat, now);
    else if (step.kind === "arriving" && this.#state.health(step.to) !== "up")
      seat.step = { kind: "settled" };
    else if (step.kind === "draining" && this.#state.health(step.from) !== "up")
      seat.step = { kind: "settled" };
    if (seat.step.kind !== "settled" || seat.pending !== undefined) return;
    if (seat.owner === null) this.#state.assign(seat, now);
    else if (this.#state.health(seat.owner) === "down") this.#lost(seat, now);
    else if (this.#state.health(seat.owner) === "up") {
      this.#ensureHeld(seat, now);
      this.#warm(seat, now);
      this.#failBack(seat, now);
    }
  }

  #stepEnds(seat: SeatState, now: Instant): void {
    const step = seat.step;
    switch (step.kind) {
      case "waiting": {
        const next = step.phases[step.index + 1];
        if (next === undefined) {
          seat.step = { kind: "settled" };
          this.#state.assign(seat, now);
        } else this.#state.wait(seat, step.phases, step.index + 1, now);
        return;
      }
      case "draining":
        this.#state.leave(seat, step.from, step.reboot, now);
        return;
      case "leaving":
        this.#state.left(seat, step.from, step.reboot, now);
        return;
      case "arriving":
        // No answer in time: everything stays where it is.
        this.#state.event("failover.abandoned", `${step.to} did not take ${seat.config.name} in time`, {
          seat: seat.config.name,
        });
        seat.taking = undefined;
        seat.step = { kind: "settled" };
        return;
      case "settled":
        return;
    }
  }

  /** The owner can serve no more. */
  #lost(seat: SeatState, now: Instant): void {
    const from = seat.owner!;
    const partner = this.#state.partner(from);
    const stays = this.#state.config.seats.length > 1 && this.#state.config.profile !== "hitless";
    if (!stays && this.#state.health(partner) !== "up") return; // nobody to give it to: the holder keeps it
    this.#state.event("failover.detected", `${from} is down, it held ${seat.config.name}`, {
      seat: seat.config.name,
      instance: from,
    });
    if (!stays) this.#state.avoid(seat, from);
    if (this.#state.config.profile !== "azure") {
      if (stays) this.#state.own(seat, null, this.#state.nextEpoch(seat), false);
      else this.#state.move(seat, partner, now);
      return;
    }
    if (stays) {
      const phase: Phase = { name: "detection", duration: TIMES.activeActiveDetection, ourChoice: true };
      this.#state.wait(seat, [phase], 0, now);
    } else this.#state.wait(seat, unplannedPhases(this.#state.config.unplanned), 0, now);
  }

  /** The owner lives: does it hold the seat in this epoch? */
  #ensureHeld(seat: SeatState, now: Instant): void {
    const owner = this.#state.instances.get(seat.owner!)!;
    if (owner.held.get(seat.config.name) === seat.epoch) {
      seat.taking = undefined;
      return;
    }
    if (seat.taking !== undefined && now < seat.taking.again) return;
    if (seat.takenEpoch === seat.epoch || (owner.held.get(seat.config.name) ?? 0) > seat.epoch) {
      // It held the seat and does not any more (a new process), or knows a higher epoch: a new epoch settles it.
      this.#state.move(seat, owner.name, now);
      return;
    }
    this.#state.askTake(seat, owner.name, seat.epoch, "fresh", now);
  }

  #warm(seat: SeatState, now: Instant): void {
    if (seat.warmUntil === undefined || now < seat.warmUntil) return;
    seat.warmUntil = undefined;
    this.#state.effects.push({ kind: "fabric-drain", seat: seat.config.name, off: true });
  }

  #failBack(seat: SeatState, now: Instant): void {
    if (!this.#state.wantsFailback(seat)) return;
    if (now < this.#state.failbackAt(seat)) return;
    const { name, home } = seat.config;
    this.#state.event("failback", `${name} goes back to ${home}`, { seat: name });
    this.#state.arrive(seat, home, now);
  }

  /** What an instance holds but does not own is taken from it: a woken or restarted one, or one that we left. */
  #dropStrays(now: Instant): void {
    for (const instance of this.#state.instances.values()) {
      if (instance.health !== "up") continue;
      for (const [name, epoch] of instance.held) {
        const seat = this.#state.seats.get(name);
        if (seat === undefined || seat.owner === instance.name || seat.pending !== undefined) continue;
        if (seat.step.kind === "arriving" && seat.step.to === instance.name) continue;
        const told = instance.dropped.get(name);
        if (told !== undefined && told.epoch >= epoch && now < told.at + TIMES.retry) continue;
        seat.highest = Math.max(seat.highest, epoch);
        this.#state.drop(seat, instance.name, false, now);
      }
    }
  }

  #busy(): boolean {
    return (
      [...this.#state.seats.values()].some((s) => s.step.kind !== "settled" || s.pending !== undefined) ||
      this.#queue.watching
    );
  }
}
