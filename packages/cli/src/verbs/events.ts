/** `events`: the journals of all processes as one stream, or one tunnel's IKE transcript. */
import type { TandemEvent } from "@tandem/contract";
import { ControlClient, findLab, LabError, type LabProcess, labProcess, labProcesses } from "@tandem/lab";
import { renderEvent } from "../render/event.ts";
import { print, printJsonLine } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, UsageError, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "events [--node NODE] [--once] [--ike CONNECTION]",
  about: `Prints what has happened and then what happens, one line per event (with --json one JSON value per line),
until Ctrl-C. With --ike the messages of a connection's tunnels in the notation of RFC 7296, and what was made of them.`,
  mostWords: 0,
  options: {
    ...NAME_OPTION,
    node: { type: "string", value: "NODE", about: "of this node only" },
    once: { type: "boolean", about: "print what there is and end" },
    new: { type: "boolean", about: "only what happens from now on" },
    ike: { type: "string", value: "CONNECTION", about: "the IKE transcript of a connection" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = stringValue(invocation, "node");
    const connection = stringValue(invocation, "ike");
    const processes = node === undefined ? labProcesses(folder) : [labProcess(folder, node)];
    const json = flag(invocation, "json");
    if (connection !== undefined) {
      const { printTranscript } = await import("../render/transcript.ts");
      const ends = processes.filter(
        ({ kind }) => kind === "instance" || (kind === "device" && node !== undefined),
      );
      return await printTranscript(ends, connection, json);
    }
    if (flag(invocation, "once") && flag(invocation, "new"))
      throw new UsageError("--once and --new exclude each other");
    if (flag(invocation, "once")) return await printOnce(processes, json);
    return await follow(processes, json, flag(invocation, "new"));
  },
};

async function printOnce(processes: readonly LabProcess[], json: boolean): Promise<number> {
  const lists = await Promise.all(processes.map(listEvents));
  const events = lists.flat().sort((a, b) => a.at - b.at);
  if (json) for (const event of events) printJsonLine(event);
  else for (const event of events) print(renderEvent(event));
  return 0;
}

async function listEvents({ controlSocket }: LabProcess): Promise<TandemEvent[]> {
  try {
    const client = await ControlClient.open(controlSocket);
    try {
      return (await client.call("events")) as TandemEvent[];
    } finally {
      client.close();
    }
  } catch {
    return []; // it does not run, or has no journal
  }
}

/** A process that dies is reconnected to when it is back: the stream goes on through a failover. */
async function follow(processes: readonly LabProcess[], json: boolean, onlyNew: boolean): Promise<number> {
  const write = (event: TandemEvent): void => {
    if (json) printJsonLine(event);
    else print(renderEvent(event));
  };
  let reached = 0;
  if (!onlyNew) await printOnce(processes, json);
  await Promise.all(
    processes.map(async (one) => {
      try {
        const client = await ControlClient.open(one.controlSocket);
        await client.subscribe(write);
        reached++;
        void client.closed.then(() => reconnect(one, write));
      } catch {
        void reconnect(one, write);
      }
    }),
  );
  if (reached === 0) throw new LabError("no process of the lab answers", "./tandem status");
  await new Promise<never>(() => {});
  return 0;
}

const RECONNECT_MILLISECONDS = 200;

async function reconnect(one: LabProcess, write: (event: TandemEvent) => void): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MILLISECONDS));
    try {
      const client = await ControlClient.open(one.controlSocket);
      await client.subscribe(write, { since: 0 });
      await client.closed;
    } catch {
      // Not there yet.
    }
  }
}
