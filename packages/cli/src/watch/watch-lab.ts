/**
 * The live view of a lab: probe traffic between its hosts and one screen until `q`. Without a terminal it prints a
 * line every few seconds until a signal ends it.
 */
import type { TandemEvent } from "@tandem/contract";
import {
  followEvents,
  labProcesses,
  labStatus,
  ProbeSession,
  readPlan,
  reasonOf,
  type StateFolder,
  tearDown,
} from "@tandem/lab";
import { print, progress } from "../render/output.ts";

import { KeyActions } from "./key-actions.ts";
import { renderLine, renderScreen } from "./screen.ts";
import { type ScreenState, withTraffic } from "./screen-state.ts";
import { Terminal } from "./terminal.ts";
import { TrafficMeter } from "./traffic-meter.ts";

export interface WatchOptions {
  /** The lab was brought up for this view and goes down with it. */
  readonly takeDown: boolean;
  /** Ends by itself after so long. */
  readonly milliseconds?: number;
}

const PROBES = { udpFlows: 16, tcpFlows: 2, rate: 20, size: 400 } as const;
const SCREEN_MILLISECONDS = 500;
const LINE_MILLISECONDS = 2_000;
const REMEMBERED_EVENTS = 200;

export async function watchLab(folder: StateFolder, options: WatchOptions): Promise<number> {
  const interactive = process.stdout.isTTY === true && process.stdin.isTTY === true;
  const end = new AbortController();
  const quit = (): void => end.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, quit);
  const timer = options.milliseconds === undefined ? undefined : setTimeout(quit, options.milliseconds);
  const events: TandemEvent[] = [];
  const unfollow = followEvents(labProcesses(folder), (event) => {
    events.push(event);
    if (events.length > REMEMBERED_EVENTS) events.shift();
  });
  let probes: ProbeSession | undefined;
  const terminal = interactive ? new Terminal() : undefined;
  let actions: KeyActions | undefined;
  try {
    probes = await ProbeSession.start(folder, PROBES);
    const keys = new KeyActions(folder, readPlan(folder), probes, PROBES.rate);
    actions = keys;
    terminal?.open((key) => {
      if (key === "q" || key === "\u0003") quit();
      else void keys.press(key);
    });
    if (terminal === undefined) progress("no terminal: a line every 2 s until Ctrl-C");
    const meter = new TrafficMeter();
    while (!end.signal.aborted) {
      const state = await gather(folder, options, meter, probes, events, keys);
      if (terminal === undefined) print(renderLine(state));
      else terminal.draw((width, height) => renderScreen(state, width, height));
      await pause(terminal === undefined ? LINE_MILLISECONDS : SCREEN_MILLISECONDS, end.signal, keys);
    }
  } finally {
    clearTimeout(timer);
    terminal?.close();
    // The screen is gone with its last line; what was measured is worth keeping.
    for (const text of actions?.measured ?? []) print(text);
    unfollow();
    await probes?.stop();
    if (options.takeDown) {
      progress(`taking lab "${folder.name}" down`);
      await tearDown(folder).catch((error: unknown) => progress(`cannot take it down: ${reasonOf(error)}`));
    }
  }
  return 0;
}

async function gather(
  folder: StateFolder,
  { takeDown }: WatchOptions,
  meter: TrafficMeter,
  probes: ProbeSession,
  events: readonly TandemEvent[],
  actions: KeyActions,
): Promise<ScreenState> {
  const [status, flows] = await Promise.all([labStatus(folder), probes.report()]);
  const rates = meter.measure(status.tunnels, performance.now());
  return {
    lab: folder.name,
    status: withTraffic(status, flows, PROBES.rate),
    rates,
    flows,
    events,
    targets: actions.targets,
    selected: actions.selected,
    notice: actions.notice,
    takeDown,
  };
}

/** Until the time has passed, the view is to end, or a key has changed something to show. */
function pause(milliseconds: number, signal: AbortSignal, actions: KeyActions): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      actions.onChange = undefined;
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    actions.onChange = done;
  });
}
