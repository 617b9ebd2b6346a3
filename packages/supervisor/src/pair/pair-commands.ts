/** What an operator asks for. The answer to a failover or a reset comes when it is done, not when it begins. */
import type { Instant } from "@tandem/sansio";
import type { CommandQueue } from "./command-queue.ts";
import type { PairCommand } from "./pair-events.ts";
import type { PairState } from "./pair-state.ts";

type Failover = Extract<PairCommand, { verb: "failover" }>;

/** Carries one command out, or refuses it; `start` brings an instance up at once. */
export function runCommand(
  state: PairState,
  queue: CommandQueue,
  id: number,
  command: PairCommand,
  now: Instant,
): void {
  const answer = perform(state, queue, id, command, now);
  if (answer !== undefined)
    state.effects.push({ kind: "result", id, ok: answer.ok, message: answer.message });
}

interface Answer {
  readonly ok: boolean;
  readonly message: string;
}

const refuse = (message: string): Answer => ({ ok: false, message });
const done = (message: string): Answer => ({ ok: true, message });

function perform(
  state: PairState,
  queue: CommandQueue,
  id: number,
  command: PairCommand,
  now: Instant,
): Answer | undefined {
  switch (command.verb) {
    case "restore":
    case "stay-down":
      return standing(state, command.instance, command.verb === "stay-down", now);
    case "drain": {
      const seats = state.seatsAt(command.target);
      if (seats.length === 0) return refuse(state.unknown(command.target));
      for (const seat of seats) {
        const { name } = seat.config;
        seat.drained = !command.off;
        state.effects.push({ kind: "fabric-drain", seat: name, off: command.off });
        if (seat.owner !== null) {
          state.effects.push({ kind: "seat-drain", instance: seat.owner, seat: name, off: command.off });
        }
      }
      return done(
        `${command.off ? "no longer draining" : "draining"}: ${seats.map((s) => s.config.name).join(", ")}`,
      );
    }
    case "reset":
      return reset(state, queue, id, command.vip, now);
    case "failover":
      return failover(state, queue, id, command, now);
  }
}

function standing(state: PairState, name: string, stayDown: boolean, now: Instant): Answer {
  const instance = state.instances.get(name);
  if (instance === undefined) return refuse(state.unknown(name));
  instance.stayDown = stayDown;
  if (stayDown) {
    instance.startAt = undefined;
    return done(`${name} is not started again by itself`);
  }
  if (instance.health === "up") return done(`${name} is up`);
  instance.startAt = now;
  return done(`${name} is being started`);
}

function failover(
  state: PairState,
  queue: CommandQueue,
  id: number,
  command: Failover,
  now: Instant,
): Answer | undefined {
  const first = [...state.seats.values()].find((s) => s.owner !== null)?.owner;
  const target = command.target ?? first;
  if (target === undefined || target === null) return refuse("no seat has an owner");
  if (!state.instances.has(target) && !state.seats.has(target)) return refuse(state.unknown(target));
  const seats = state.seatsAt(target);
  const instance = state.instances.has(target) ? target : seats[0]?.owner;
  if (instance === undefined || instance === null || seats.length === 0) {
    return refuse(`${target} holds no seat: there is nothing to fail over`);
  }
  const names = seats.map((s) => s.config.name);
  const partner = state.partner(instance);
  if (state.health(partner) !== "up" && command.force !== true) {
    return refuse(
      `${partner} is not healthy, so ${names.join(", ")} would be down; force it to do it all the same`,
    );
  }
  state.event("failover.started", `${describe(command)}: ${instance}`, { instance });
  queue.watch(id, names, `failover of ${instance} is done`, now);
  if (!command.planned) {
    state.effects.push({ kind: "kill", instance });
    return undefined;
  }
  const handover = state.config.profile === "hitless" && state.health(partner) === "up";
  for (const seat of seats) {
    if (handover) state.arrive(seat, partner, now);
    else state.retire(seat, instance, state.othersServe(seat), now);
  }
  return undefined;
}

/** Reboots one instance (azure-vpn-gateway §1.5). */
function reset(
  state: PairState,
  queue: CommandQueue,
  id: number,
  vip: string | undefined,
  now: Instant,
): Answer | undefined {
  const all = [...state.seats.values()];
  const seat =
    vip === undefined ? all[0]! : all.find((s) => s.config.publicIps.includes(vip) || s.config.name === vip);
  if (seat === undefined) return refuse(`${vip} is no public IP of ${state.config.gateway}`);
  // Active-active: the primary, again and again. Active-standby: whichever is active now.
  const instance = all.length > 1 && vip === undefined ? seat.config.home : seat.owner;
  if (instance === null || state.health(instance) !== "up") {
    return refuse(`${seat.config.name} has no living instance to reset`);
  }
  state.event("gateway.reset", `${instance} is rebooted`, {
    instance,
    operationName: "HostMaintenanceEvent",
  });
  const seats = state.seatsAt(instance);
  if (seats.length === 0) {
    state.reboot(state.instances.get(instance)!, now);
    return done(`${instance}, which holds no seat, is rebooted`);
  }
  queue.watch(
    id,
    seats.map((s) => s.config.name),
    `${instance} was rebooted`,
    now,
  );
  for (const one of seats) state.leave(one, instance, true, now);
  return undefined;
}

export function describe(command: PairCommand): string {
  switch (command.verb) {
    case "failover":
      return `${command.planned ? "planned" : "unplanned"} failover${command.target === undefined ? "" : ` of ${command.target}`}`;
    case "reset":
      return "gateway reset";
    default:
      return command.verb;
  }
}
