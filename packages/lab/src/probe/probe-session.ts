/** Probe traffic between the hosts of a lab: a prober in each, flows both ways, and one report of all flows. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type HostNode, type LabPlan, nodeFileName } from "@tandem/contract";
import { startProberInHost } from "../container/host-client.ts";
import { inContainers } from "../container/in-containers.ts";
import { ControlClient } from "../control/control-client.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import { forgetProcess, type LabRecord, type ProcessRecord, readLabRecord, readPlan } from "../lab-record.ts";
import { Realm } from "../netns/realm.ts";
import { namespaceOf } from "../plan/network-of-plan.ts";
import { launch } from "../process/launch.ts";
import { isAlive } from "../process/process-identity.ts";
import { terminate } from "../process/terminate.ts";
import { MAIN_OF } from "../repository.ts";
import { controlSocketPath, type StateFolder, writeJson } from "../state-folder.ts";
import type { FlowReport } from "./flow-record.ts";
import type { ProbeFlow, ProberConfig, SentReport } from "./prober-config.ts";

export interface ProbeOptions {
  /** Of each pair of hosts and each direction. */
  readonly udpFlows: number;
  readonly tcpFlows: number;
  /** Packets per second of each flow. */
  readonly rate: number;
  /** Bytes of UDP payload. */
  readonly size: number;
}

export interface ProbeDirection {
  readonly from: string;
  readonly to: string;
  readonly destination: string;
}

export interface FlowState extends ProbeDirection {
  readonly id: number;
  readonly protocol: "udp" | "tcp";
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sent: number;
  readonly refused: number;
  readonly alive: boolean;
  /** Absent: not one packet has come. */
  readonly received: FlowReport | undefined;
}

interface Prober {
  readonly host: string;
  /** Absent in containers: a prober there ends with its client. */
  readonly process: ProcessRecord | undefined;
  readonly client: ControlClient;
}

interface PlannedFlow extends ProbeFlow, ProbeDirection {}

const PORT = 7007;
const FIRST_SOURCE_PORT = 20_000;
const START_MILLISECONDS = 10_000;

export class ProbeSession {
  readonly #folder: StateFolder;
  readonly #flows: readonly PlannedFlow[];
  #probers: Prober[] = [];

  private constructor(folder: StateFolder, flows: readonly PlannedFlow[]) {
    this.#folder = folder;
    this.#flows = flows;
  }

  /** Every direction of every probe of the plan; starts sending. */
  static async start(folder: StateFolder, options: ProbeOptions): Promise<ProbeSession> {
    const plan = readPlan(folder);
    const directions = probeDirections(plan);
    const session = new ProbeSession(folder, planFlows(directions, options));
    try {
      await session.#launch(plan, options);
      await session.#tell("open");
      await session.#tell("start");
    } catch (error) {
      await session.stop();
      throw error;
    }
    return session;
  }

  get flowCount(): number {
    return this.#flows.length;
  }

  async report(): Promise<FlowState[]> {
    const reports = (await this.#tell("report")) as { sent: SentReport[]; received: FlowReport[] }[];
    const sent = new Map(reports.flatMap((report) => report.sent).map((one) => [one.flow, one]));
    const received = new Map(reports.flatMap((report) => report.received).map((one) => [one.flow, one]));
    return this.#flows.map((flow): FlowState => {
      const out = sent.get(flow.id);
      return {
        id: flow.id,
        protocol: flow.protocol,
        from: flow.from,
        to: flow.to,
        destination: flow.destination,
        sourcePort: flow.sourcePort,
        destinationPort: PORT,
        sent: out?.sent ?? 0,
        refused: out?.refused ?? 0,
        alive: out?.alive ?? false,
        received: received.get(flow.id),
      };
    });
  }

  /** Stops sending; what is under way may still arrive and be reported. */
  async pause(): Promise<void> {
    await this.#tell("stop");
  }

  async stop(): Promise<void> {
    const probers = this.#probers;
    this.#probers = [];
    for (const { client } of probers) client.close();
    await terminate(
      probers.flatMap(({ process }) => (process === undefined ? [] : [process.identity])),
      500,
    );
    for (const { host, process } of probers) {
      if (process !== undefined) forgetProcess(this.#folder, process.identity);
      rmSync(controlSocketPath(this.#folder, proberName(host)), { force: true });
    }
  }

  #tell(method: string): Promise<unknown[]> {
    return Promise.all(this.#probers.map(({ client }) => client.call(method, undefined, START_MILLISECONDS)));
  }

  async #launch(plan: LabPlan, options: ProbeOptions): Promise<void> {
    const record = readLabRecord(this.#folder);
    if (record === undefined) throw new LabError(`lab "${this.#folder.name}" is not up`);
    const hosts = [...new Set(this.#flows.flatMap(({ from, to }) => [from, to]))];
    const starting = hosts.map(async (host): Promise<void> => {
      const config: ProberConfig = {
        name: host,
        controlSocket: controlSocketPath(this.#folder, proberName(host)),
        port: PORT,
        flows: this.#flows.filter(({ from }) => from === host),
        rate: options.rate,
        size: options.size,
      };
      const file = join(this.#folder.config, `${proberName(host)}.json`);
      writeJson(file, config);
      rmSync(config.controlSocket, { force: true });
      const process_ = await startProber(record, this.#folder, plan, host, file);
      const client = await connectWhenReady(config.controlSocket, process_, host);
      this.#probers.push({ host, process: process_, client });
      await client.call("owner");
    });
    await Promise.all(starting);
  }
}

export function probeDirections(plan: LabPlan): ProbeDirection[] {
  const host = (name: string): HostNode | undefined =>
    plan.nodes.find((node): node is HostNode => node.kind === "host" && node.name === name);
  return plan.probes.flatMap(({ from, to, destination }): ProbeDirection[] => {
    if (destination === undefined) return [];
    const back = host(from)?.addresses.find((address) => address.includes(":") === destination.includes(":"));
    const there = { from, to, destination };
    return back === undefined ? [there] : [there, { from: to, to: from, destination: back }];
  });
}

function planFlows(directions: readonly ProbeDirection[], options: ProbeOptions): PlannedFlow[] {
  const flows: PlannedFlow[] = [];
  for (const direction of directions) {
    for (const protocol of ["udp", "tcp"] as const) {
      const count = protocol === "udp" ? options.udpFlows : options.tcpFlows;
      for (let index = 0; index < count; index++) {
        const id = flows.length + 1;
        flows.push({ ...direction, id, protocol, sourcePort: FIRST_SOURCE_PORT + id });
      }
    }
  }
  return flows;
}

const proberName = (host: string): string => `prober-${nodeFileName(host)}`;

async function startProber(
  record: LabRecord,
  folder: StateFolder,
  plan: LabPlan,
  host: string,
  file: string,
): Promise<ProcessRecord | undefined> {
  if (inContainers(folder)) {
    await startProberInHost(folder, host, file);
    return undefined;
  }
  return await launch(new Realm(record.realm), folder, {
    node: host,
    role: "prober",
    netns: namespaceOf(plan.lab, host),
    argv: [process.execPath, MAIN_OF.prober, "--config", file],
    logFile: join(folder.log, `${proberName(host)}.log`),
  });
}

async function connectWhenReady(
  path: string,
  process_: ProcessRecord | undefined,
  host: string,
): Promise<ControlClient> {
  const deadline = performance.now() + START_MILLISECONDS;
  for (;;) {
    try {
      return await ControlClient.open(path);
    } catch (error) {
      const ended = process_ !== undefined && !isAlive(process_.identity);
      if (ended || performance.now() > deadline) {
        throw new LabError(
          `the prober of ${host} did not start: ${reasonOf(error)}`,
          `./tandem lab logs prober-${nodeFileName(host)}`,
        );
      }
      await delay(20);
    }
  }
}
