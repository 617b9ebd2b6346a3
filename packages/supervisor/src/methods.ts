/** What the supervisor can be asked, the same over the control socket and the HTTP API. */
import type { ControlMethods } from "./control/control-server.ts";
import { Refusal } from "./control/control-server.ts";
import type { PairCommand } from "./pair/pair-events.ts";
import type { Supervisor } from "./supervisor.ts";

type Params = Readonly<Record<string, unknown>>;

/** Those that change something; over HTTP they need the token. */
export const CHANGES = [
  "failover",
  "drain",
  "restore",
  "stay-down",
  "reset",
  "cut-control",
  "heal-control",
] as const;

export function supervisorMethods(supervisor: Supervisor): ControlMethods {
  const run = (params: Params, command: PairCommand) => supervisor.command(text(params, "gateway"), command);
  return {
    status: () => supervisor.status(),
    ping: () => ({ pid: process.pid, seats: [] }),
    events: (params) => supervisor.journal.own(Number(record(params).since ?? 0)),
    history: () => supervisor.state.history(1000),
    resources: () => supervisor.state.get("resources"),
    subscribe: (params, peer) => {
      const { since } = record(params);
      if (typeof since === "number") for (const event of supervisor.journal.own(since)) peer.send({ event });
      const end = supervisor.journal.follow((event) => {
        if (event.node === "supervisor") peer.send({ event });
      });
      peer.onClose(end);
      return { subscribed: true };
    },
    failover: (params) => {
      const p = record(params);
      const { planned, force } = p;
      if (typeof planned !== "boolean") throw new Refusal("failover needs planned: true or false");
      return run(p, { verb: "failover", planned, target: text(p, "target"), force: force === true });
    },
    drain: (params) => {
      const p = record(params);
      return run(p, { verb: "drain", target: needed(p, "target"), off: p.off === true });
    },
    restore: (params) => {
      const p = record(params);
      return run(p, { verb: "restore", instance: needed(p, "instance") });
    },
    "stay-down": (params) => {
      const p = record(params);
      return run(p, { verb: "stay-down", instance: needed(p, "instance") });
    },
    reset: (params) => {
      const p = record(params);
      return run(p, { verb: "reset", vip: text(p, "vip") });
    },
    "cut-control": (params) => supervisor.cutControl(needed(record(params), "instance"), true),
    "heal-control": (params) => supervisor.cutControl(text(record(params), "instance"), false),
  };
}

function record(params: unknown): Params {
  return typeof params === "object" && params !== null ? (params as Params) : {};
}

function text(params: Params, name: string): string | undefined {
  const value = params[name];
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw new Refusal(`${name} must be text`);
  return value;
}

function needed(params: Params, name: string): string {
  const value = text(params, name);
  if (value === undefined) throw new Refusal(`${name} is missing`);
  return value;
}
