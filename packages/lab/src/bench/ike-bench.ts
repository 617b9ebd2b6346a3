/**
 * `bench ike`: one load of initiators (gateway's ike-load.ts, the product's own engine) against charon and against Tandem in turn.
 * Every measurement has a responder of its own that starts fresh; subjects alternate, so that a busy machine is busy for both.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { BenchResult } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { REPOSITORY } from "../repository.ts";
import { BenchSheet, describeMachine } from "./bench-table.ts";
import { IkeNetwork, LOAD_ADDRESSES, RESPONDER } from "./ike-network.ts";
import {
  charonResponder,
  type IkeSubject,
  type LoadGroup,
  processorTime,
  RESPONDER_ID,
  type Responder,
  residentMemory,
  SECRET,
  tandemResponder,
} from "./ike-subjects.ts";

export interface IkeBenchOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly seconds: number;
  readonly subjects: readonly string[];
  /** Any of "ecp256", "modp2048", "rekey", "memory", "liveness"; empty: all. */
  readonly works: readonly string[];
  progress(line: string): void;
}

export interface IkeBenchResult {
  readonly result: BenchResult;
  readonly notes: readonly string[];
}

const LOAD_MAIN = join(REPOSITORY, "packages", "gateway", "src", "bench", "ike-load.ts");
const CONCURRENCY = 16;
/** Handshakes before the clock starts: either side reaches its pace, compiled code included. */
const WARM_UP = 400;
const REKEYED_TUNNELS = 32;
/** The same for rekeys. */
const REKEY_WARM_UP = 2_000;
const LIVE_TUNNELS = 24;
const IDLE_SAS = 5_000;
const IDLE_SAS_QUICK = 1_000;
/** The goal for keepalives of standing SAs during a flood, milliseconds. */
const LIVENESS_GOAL = 200;

interface LoadResult {
  readonly done: number;
  readonly failed: number;
  readonly seconds: number;
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly firstFailure?: string;
}

interface Load {
  readonly local: readonly string[];
  readonly group: LoadGroup;
  readonly work: "handshakes" | "rekeys" | "liveness";
  readonly name: string;
  readonly seconds?: number;
  readonly concurrency?: number;
  readonly count?: number;
  readonly warmUp?: number;
  readonly hold?: boolean;
}

export async function measureIke(options: IkeBenchOptions): Promise<IkeBenchResult> {
  const network = new IkeNetwork();
  const sheet = new BenchSheet();
  const notes: string[] = [];
  const subjects = [charonResponder, tandemResponder].filter(
    ({ name }) => options.subjects.length === 0 || options.subjects.includes(name),
  );
  const wanted = (work: string): boolean => options.works.length === 0 || options.works.includes(work);
  const bench = new IkeBench(network, sheet, options);
  try {
    await network.up();
    for (let run = 1; run <= options.runs; run++) {
      for (const subject of subjects) {
        if (wanted("ecp256")) await bench.handshakes(subject, "ecp256");
        if (wanted("modp2048")) await bench.handshakes(subject, "modp2048");
        if (wanted("rekey")) await bench.rekeys(subject);
        if (wanted("liveness")) await bench.liveness(subject);
        // Slow, and hardly different from run to run.
        if (wanted("memory") && run === 1) await bench.memory(subject);
      }
    }
  } finally {
    await network.down();
  }
  const result: BenchResult = {
    bench: "ike",
    machine: describeMachine(),
    rows: sheet.rows,
    ratios: sheet.ratios("tandem"),
  };
  for (const { work, max } of result.rows.filter(
    (row) => row.work === "ike-liveness-flood-max" && row.subject === "tandem",
  )) {
    const verdict = max <= LIVENESS_GOAL ? "within" : "BEYOND";
    notes.push(`${work}: ${max.toFixed(0)} ms at worst, ${verdict} the goal of ${LIVENESS_GOAL} ms`);
  }
  return { result, notes };
}

class IkeBench {
  readonly #network: IkeNetwork;
  readonly #sheet: BenchSheet;
  readonly #options: IkeBenchOptions;

  constructor(network: IkeNetwork, sheet: BenchSheet, options: IkeBenchOptions) {
    this.#network = network;
    this.#sheet = sheet;
    this.#options = options;
  }

  /** Handshakes per second, their latency, and what each costs the responder in processor time. */
  async handshakes(subject: IkeSubject, group: LoadGroup): Promise<void> {
    const work = `ike-psk-${group}`;
    await this.#against(subject, group, false, async ({ pid }) => {
      const warm = {
        local: LOAD_ADDRESSES,
        group,
        work: "handshakes",
        name: "warm",
        count: WARM_UP,
      } as const;
      await this.#load(warm).done;
      const before = processorTime(pid);
      const { done, seconds, latency } = await this.#load({
        local: LOAD_ADDRESSES,
        group,
        work: "handshakes",
        name: "load",
      }).done;
      this.#add(work, subject, "1/s", done / seconds);
      this.#add(`${work}-p50`, subject, "ms", latency.p50);
      this.#add(`${work}-p99`, subject, "ms", latency.p99);
      this.#add(`${work}-cpu`, subject, "ms", (processorTime(pid) - before) / done);
    });
  }

  /** Child SAs rekeyed with a key exchange of their own (CREATE_CHILD_SA, DELETE), many tunnels at once. */
  async rekeys(subject: IkeSubject): Promise<void> {
    await this.#against(subject, "ecp256", true, async ({ pid }) => {
      const load = this.#load({
        local: LOAD_ADDRESSES,
        group: "ecp256",
        work: "rekeys",
        name: "rekey",
        count: REKEYED_TUNNELS,
        warmUp: REKEY_WARM_UP,
      });
      await load.up;
      const before = processorTime(pid);
      const { done, seconds } = await load.done;
      this.#add("ike-rekey", subject, "1/s", done / seconds);
      this.#add("ike-rekey-cpu", subject, "ms", (processorTime(pid) - before) / Math.max(1, done));
    });
  }

  /** Resident memory with thousands of IKE SAs, one Child SA each, that do nothing. */
  async memory(subject: IkeSubject): Promise<void> {
    const count = this.#options.quick ? IDLE_SAS_QUICK : IDLE_SAS;
    await this.#against(subject, "ecp256", false, async ({ pid }) => {
      const before = residentMemory(pid);
      const load = this.#load({
        local: LOAD_ADDRESSES,
        group: "ecp256",
        work: "handshakes",
        name: "idle",
        count,
        hold: true,
      });
      const { done, firstFailure } = await load.done;
      if (done < count)
        throw new LabError(`${count - done} of ${count} SAs did not stand: ${firstFailure ?? ""}`);
      const after = residentMemory(pid);
      load.release();
      this.#add("ike-idle-sa", subject, "KiB", (after - before) / count);
      this.#add(`ike-${count}-sas`, subject, "MiB", after / 1024);
    });
  }

  /** How long a standing SA's liveness exchange takes while a flood of handshakes is served. */
  async liveness(subject: IkeSubject): Promise<void> {
    await this.#against(subject, "ecp256", false, async () => {
      const { seconds } = this.#options;
      const [own, ...others] = LOAD_ADDRESSES;
      const live = this.#load({
        local: [own!],
        group: "ecp256",
        work: "liveness",
        name: "live",
        count: LIVE_TUNNELS,
        concurrency: 4,
        seconds: seconds + 1,
      });
      await live.up;
      const flood = this.#load({ local: others, group: "ecp256", work: "handshakes", name: "flood" });
      const [{ done, latency }] = await Promise.all([live.done, flood.done]);
      if (done === 0) throw new LabError("no liveness exchange was seen");
      this.#add("ike-liveness-flood-p99", subject, "ms", latency.p99);
      this.#add("ike-liveness-flood-max", subject, "ms", latency.max);
    });
  }

  #add(work: string, subject: IkeSubject, unit: string, value: number): void {
    this.#sheet.add(work, subject.name, unit, value);
    this.#options.progress(`${subject.name} ${work}: ${value.toFixed(2)} ${unit}`);
  }

  async #against(
    subject: IkeSubject,
    group: LoadGroup,
    pfs: boolean,
    measure: (responder: Responder) => Promise<void>,
  ): Promise<void> {
    const responder = await subject.start(this.#network, group, pfs);
    try {
      await measure(responder);
    } finally {
      await responder.stop();
    }
  }

  #load(load: Load): RunningLoad {
    const settings = {
      remote: RESPONDER,
      remoteId: RESPONDER_ID,
      secret: SECRET,
      seconds: this.#options.seconds,
      concurrency: CONCURRENCY,
      ...load,
    };
    const node = [
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      LOAD_MAIN,
      JSON.stringify(settings),
    ];
    const [program, ...args] = this.#network.load(node);
    return new RunningLoad(spawn(program!, args, { stdio: ["pipe", "pipe", "pipe"] }));
  }
}

class RunningLoad {
  readonly up: Promise<void>;
  readonly done: Promise<LoadResult>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    let said: (line: string) => void = () => {};
    let errors = "";
    child.stderr!.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    let isUp: () => void = () => {};
    this.up = new Promise((resolve) => {
      isUp = resolve;
    });
    this.done = new Promise((resolve, reject) => {
      said = (line) => {
        const message = JSON.parse(line) as LoadResult | { readonly up: true };
        if ("up" in message) {
          isUp();
          return;
        }
        if (message.done > 0) resolve(message);
        else reject(new LabError(`the load did nothing: ${message.firstFailure ?? "no answer"}`));
      };
      child.once("exit", (code) =>
        reject(new LabError(`the load ended with status ${code}: ${errors.trim()}`)),
      );
    });
    // Awaited later, and by one of several waits only.
    this.done.catch(() => {});
    let text = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        said(text.slice(0, end));
        text = text.slice(end + 1);
      }
    });
  }

  /** Ends a load that holds its SAs. */
  release(): void {
    this.#child.stdin!.end();
  }
}
