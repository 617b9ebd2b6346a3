/** `drill`: a failover exercise for CI jobs: up, traffic, event, measured outage, timeline, exit status. */
import { setTimeout as delay } from "node:timers/promises";
import {
  bringUp,
  checkLabName,
  DRILL_EVENTS,
  defaultTarget,
  type IncidentReport,
  locateLabFile,
  ProbeSession,
  readLabSource,
  runEvent,
  stateFolder,
  summarise,
  tearDown,
  type WrittenReport,
  writeReport,
} from "@tandem/lab";
import { print, printJson, progress } from "../render/output.ts";
import {
  durationValue,
  flag,
  type Invocation,
  JSON_OPTION,
  oneOf,
  stringValue,
  UsageError,
  type Verb,
} from "../verb.ts";

const FLOWS_SETTLE_MILLISECONDS = 2_000;

export const verb: Verb = {
  usage: "drill [TOPOLOGY] [--event kill] [--target gw/IN_0]",
  about: `Brings a lab up, sends probe traffic both ways (32 UDP flows at 50 packets per second and 4 TCP flows each way),
does one thing to it, measures the outage of every flow, writes the timeline as an HTML page and as JSON, and takes the
lab down. Exit status 0 when traffic came back everywhere, and within --max-outage if that is given.`,
  options: {
    name: { type: "string", value: "NAME", about: "the lab's name (default: drill)" },
    event: { type: "string", value: DRILL_EVENTS.join("|"), about: "what happens (default: kill)" },
    target: { type: "string", value: "NODE", about: "to whom (default: the owner of the first seat)" },
    profile: { type: "string", value: "fast|hitless|azure", about: "the clock of the failover" },
    device: { type: "string", value: "tandem|strongswan", about: "what the devices are" },
    udp: { type: "string", value: "FLOWS", about: "UDP flows each way (default 32)" },
    tcp: { type: "string", value: "FLOWS", about: "TCP flows each way (default 4)" },
    rate: { type: "string", value: "PPS", about: "packets per second of each flow (default 50)" },
    wait: {
      type: "string",
      value: "SECONDS",
      about: "how long to wait for traffic to come back (default 120)",
    },
    "max-outage": { type: "string", value: "SECONDS", about: "fail when a flow was out for longer" },
    keep: { type: "boolean", about: "leave the lab up" },
    yes: { type: "boolean", about: "as root: install the Debian packages that peers need" },
    ...JSON_OPTION,
  },
  examples: [
    "./tandem drill",
    "./tandem drill active-standby --profile hitless --event pause --max-outage 1s",
  ],
  async run(invocation) {
    const name = stringValue(invocation, "name") ?? "drill";
    checkLabName(name);
    const folder = stateFolder(name);
    const path = locateLabFile(invocation.positionals[0] ?? "dual-redundancy");
    const profile = oneOf(invocation, "profile", ["fast", "hitless", "azure"]);
    const deviceKind = oneOf(invocation, "device", ["tandem", "strongswan"]);
    const source = readLabSource(path, folder.root, {
      name,
      ...(profile === undefined ? {} : { profile }),
      ...(deviceKind === undefined ? {} : { deviceKind }),
    });
    await bringUp(folder, source, {
      onStep: progress,
      waitMilliseconds: 60_000,
      mayInstall: flag(invocation, "yes") || (process.env.CI ?? "") !== "",
    });
    const end = endOnSignal(async () => void (await tearDown(folder)));
    try {
      const report = await exercise(invocation);
      const written = writeReport(report);
      return conclude(invocation, report, written);
    } finally {
      end();
      if (!flag(invocation, "keep")) {
        await tearDown(folder);
        progress(`lab "${name}" is down`);
      }
    }

    async function exercise(words: Invocation): Promise<IncidentReport> {
      const rate = count(words, "rate", 50);
      const probes = await ProbeSession.start(folder, {
        udpFlows: count(words, "udp", 32),
        tcpFlows: count(words, "tcp", 4),
        rate,
        size: 200,
      });
      try {
        progress(`${probes.flowCount} probe flows`);
        await delay(FLOWS_SETTLE_MILLISECONDS);
        const event = oneOf(words, "event", DRILL_EVENTS) ?? "kill";
        const target = stringValue(words, "target") ?? defaultTarget(folder);
        progress(`${event} ${target}`);
        return await runEvent(folder, probes, {
          event,
          target,
          rate,
          minimumMilliseconds: 3_000,
          timeoutMilliseconds: durationValue(words, "wait", 120_000),
        });
      } finally {
        await probes.stop();
      }
    }
  },
};

function conclude(invocation: Invocation, report: IncidentReport, written: WrittenReport): number {
  const limit =
    stringValue(invocation, "max-outage") === undefined
      ? Number.POSITIVE_INFINITY
      : durationValue(invocation, "max-outage", 0);
  const passed = report.recovered && report.worstMilliseconds <= limit;
  if (flag(invocation, "json")) printJson({ passed, ...written, report });
  else {
    print(summarise(report));
    for (const { direction, lost, timestampDerived } of report.directions) {
      print(
        `  ${direction}: lost ${lost}, outage p50 ${timestampDerived.p50.toFixed(0)} ms, p99 ${timestampDerived.p99.toFixed(0)} ms, max ${timestampDerived.max.toFixed(0)} ms`,
      );
    }
    print(`timeline: ${written.html}`);
    print(passed ? "PASSED" : "FAILED");
  }
  return passed ? 0 : 1;
}

function count(invocation: Invocation, name: string, fallback: number): number {
  const text = stringValue(invocation, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new UsageError(`--${name} ${text}: a whole number is expected`);
  return value;
}

/** A drill that is interrupted leaves nothing behind either. */
function endOnSignal(clean: () => Promise<void>): () => void {
  const stop = (): void => {
    void clean().finally(() => process.exit(130));
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  return () => {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  };
}
