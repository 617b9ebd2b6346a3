/** Does one thing to a lab under probe traffic and measures it. */
import { followEvents } from "../control/follow-events.ts";
import { labProcesses } from "../control/lab-processes.ts";
import { supervisorOf } from "../control/supervisor.ts";
import { LabError } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import { cutLinks } from "../netns/cut-link.ts";
import type { ProbeSession } from "../probe/probe-session.ts";
import { signalNode } from "../process/process-control.ts";
import type { StateFolder } from "../state-folder.ts";
import { Incident, type IncidentReport } from "./incident.ts";

export const DRILL_EVENTS = ["kill", "pause", "cut", "planned", "unplanned", "drain"] as const;
export type DrillEvent = (typeof DRILL_EVENTS)[number];

export interface EventOptions {
  readonly event: DrillEvent;
  readonly target: string;
  /** Packets per second of each probe flow. */
  readonly rate: number;
  /** How long to look at least, and how long to wait for all flows at most. */
  readonly minimumMilliseconds: number;
  readonly timeoutMilliseconds: number;
}

const WORDS: Readonly<Record<DrillEvent, string>> = {
  kill: "SIGKILL",
  pause: "SIGSTOP",
  cut: "cut outside",
  planned: "planned failover of",
  unplanned: "unplanned failover of",
  drain: "drain",
};

export async function runEvent(
  folder: StateFolder,
  probes: ProbeSession,
  options: EventOptions,
): Promise<IncidentReport> {
  const { event, target } = options;
  const incident = await Incident.begin(folder, probes, options.rate);
  const unfollow = followEvents(labProcesses(folder), (one) => incident.note(one));
  try {
    await act(folder, event, target);
    return await incident.settle(
      readPlan(folder).topology,
      { what: `${WORDS[event]} ${target}`, node: target },
      options.minimumMilliseconds,
      options.timeoutMilliseconds,
    );
  } finally {
    unfollow();
  }
}

async function act(folder: StateFolder, event: DrillEvent, target: string): Promise<void> {
  switch (event) {
    case "kill":
      signalNode(folder, target, "SIGKILL");
      return;
    case "pause":
      signalNode(folder, target, "SIGSTOP");
      return;
    case "cut":
      await cutLinks(folder, "outside", target);
      return;
    case "planned":
    case "unplanned":
      await supervisorOf(folder).call("failover", { planned: event === "planned", target });
      return;
    case "drain":
      await supervisorOf(folder).call("drain", { target, off: false });
      return;
    default:
      throw new LabError(`there is no event "${String(event satisfies never)}"`);
  }
}

/** The instance that holds the first seat. */
export function defaultTarget(folder: StateFolder): string {
  const target = readPlan(folder).seats[0]?.owner;
  if (target === undefined) throw new LabError("the lab has no seat");
  return target;
}
