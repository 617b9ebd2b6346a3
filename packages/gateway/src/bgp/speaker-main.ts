/**
 * A BGP speaker as a process of its own: the gateway's engine and TCP transport without tunnels around them. The
 * benchmark and the interop tests drive it; so can anybody who wants to talk BGP to something.
 *
 *      node speaker-main.ts '{"localAddress":"127.0.0.2","asn":65515,"routerId":"10.0.0.2","port":1790}'
 *
 * One JSON value per line on stdin, one answer per line on stdout:
 *      { "input": BgpInput }                      -> { "ok": true }
 *      { "query": "peers" | "learned" | "advertised" | "why" | "fib" | "state" | "process", ... } -> { "result": ... }
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { type BgpEffect, type BgpInput, BgpSpeaker, type FibRoute, type SpeakerConfig } from "@tandem/bgp";
import type { Random } from "@tandem/sansio";
import { type Clock, EngineDriver, systemClock } from "../driver/engine-driver.ts";
import { linuxTcpSockets } from "./linux-tcp-sockets.ts";
import { TcpTransport } from "./tcp-transport.ts";

interface Options extends SpeakerConfig {
  readonly port: number;
  /** Keys by neighbour. */
  readonly md5?: Readonly<Record<string, string>>;
  /** Other addresses to listen on. */
  readonly listen?: readonly string[];
}

interface Request {
  readonly input?: BgpInput;
  readonly query?: string;
  readonly peer?: string;
  readonly prefix?: string;
  readonly limit?: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  below: (bound) => Math.floor(Math.random() * bound),
};
const speaker = new BgpSpeaker(options, random);
const fib = new Map<string, FibRoute>();
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();

/** Longest turn of the engine in milliseconds of CPU: what a stall would be on a machine that has nothing else to do. */
let longestTurn = 0;

function measured(turn: () => void): void {
  const before = process.threadCpuUsage();
  turn();
  const { user, system } = process.threadCpuUsage(before);
  longestTurn = Math.max(longestTurn, (user + system) / 1000);
}

const clock: Clock = {
  now: () => systemClock.now(),
  after: (delay, callback) => systemClock.after(delay, () => measured(callback)),
};
const transport = new TcpTransport({
  sockets: linuxTcpSockets,
  input: (input) => measured(() => driver.input(input)),
  md5Key: (neighbor) => options.md5?.[neighbor],
  warn: (message) => console.error(message),
});
const driver = new EngineDriver<BgpInput, BgpEffect>(speaker, clock, perform, (error) => {
  console.error(error);
});

function perform(effect: BgpEffect): void {
  switch (effect.kind) {
    case "connect":
      transport.connect(effect);
      return;
    case "write":
      transport.write(effect);
      return;
    case "close":
      transport.close(effect);
      return;
    case "routes-changed":
      for (const route of effect.set) fib.set(route.prefix, route);
      for (const prefix of effect.remove) fib.delete(prefix);
      return;
    case "peer-state":
      console.error(`${effect.peer}: ${effect.old} -> ${effect.new}: ${effect.reason}`);
      return;
    case "log":
      console.error(`${effect.peer ?? "-"}: ${effect.message}`);
      return;
    default:
      effect satisfies never;
  }
}

function answer(request: Request): unknown {
  const query = {
    ...(request.peer === undefined ? {} : { peer: request.peer }),
    ...(request.prefix === undefined ? {} : { prefix: request.prefix }),
    ...(request.limit === undefined ? {} : { limit: request.limit }),
  };
  switch (request.query) {
    case "peers":
      return speaker.peers(systemClock.now());
    case "learned":
      return speaker.learnedRoutes(query);
    case "advertised":
      return speaker.advertisedRoutes({ ...query, peer: request.peer ?? "" });
    case "why":
      return speaker.why(request.prefix ?? "");
    case "fib":
      return [...fib.values()];
    case "state": {
      const state = speaker.exportState();
      const routes = state.routes.map((r) => ({ ...r, attributes: [...r.attributes] }));
      return { peers: state.peers, routes };
    }
    case "process": {
      const { user, system } = process.cpuUsage();
      const stall = loop.max / 1e6;
      const turn = longestTurn;
      loop.reset();
      longestTurn = 0;
      return { cpuMilliseconds: (user + system) / 1000, rssBytes: process.memoryUsage.rss(), stall, turn };
    }
    default:
      throw new Error(`no such query: ${request.query}`);
  }
}

/** Attribute bytes come as arrays of numbers in JSON. */
function revive(input: BgpInput): BgpInput {
  if (input.kind !== "adopt") return input;
  const routes = input.state.routes.map((r) => ({ ...r, attributes: Uint8Array.from(r.attributes) }));
  return { kind: "adopt", state: { peers: input.state.peers, routes } };
}

for (const address of [options.localAddress, ...(options.listen ?? [])]) {
  transport.listen({ address, port: options.port }, new Map(Object.entries(options.md5 ?? {})));
}
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  try {
    const request = JSON.parse(line) as Request;
    if (request.input !== undefined) {
      driver.input(revive(request.input));
      console.log(JSON.stringify({ ok: true }));
    } else {
      console.log(JSON.stringify({ result: answer(request) }));
    }
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
});
lines.on("close", () => process.exit(0));
