/**
 * `bench throughput`: host - gateway - gateway - host in namespaces, subject after subject on the same path, several rounds.
 * A round measures every subject once, so that a machine that slows down slows all of them.
 */
import type { BenchResult } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { tryCommand } from "../process/run-command.ts";
import { BenchSheet, describeMachine } from "./bench-table.ts";
import { BenchNetwork } from "./throughput-network.ts";
import { congestionControls, median, Prober } from "./throughput-probe.ts";
import {
  kernelLibipsec,
  plainRouting,
  type Subject,
  tandem,
  type Variant,
  wireguardGo,
} from "./throughput-subjects.ts";

export interface ThroughputOptions {
  /** Only the main row: one TCP flow, IPv4, AES-128-GCM. */
  readonly quick: boolean;
  readonly runs: number;
  /** Per iperf3 run. */
  readonly seconds: number;
  /** Congestion control of the hosts' TCP; default: this machine's. */
  readonly congestion?: string;
  /** Path of the wireguard-go to measure. */
  readonly wireguardGo: string;
  /** Names of subjects to measure; empty: all. */
  readonly subjects: readonly string[];
  /** Works to measure, without suffix ("tcp-1", "udp-1300", ...); empty: all. */
  readonly works: readonly string[];
  /** Suffixes of variants to measure ("main" is ""); empty: all. */
  readonly variants: readonly string[];
  readonly progress: (line: string) => void;
}

const MAIN: Variant = { suffix: "", family: 4, cipher: "aes128gcm", encapsulation: "udp", offload: true };
const VARIANTS: readonly Variant[] = [
  MAIN,
  { ...MAIN, suffix: "-v6", family: 6 },
  { ...MAIN, suffix: "-aes256gcm", cipher: "aes256gcm" },
  { ...MAIN, suffix: "-chacha20", cipher: "chacha20" },
  { ...MAIN, suffix: "-aes256cbc", cipher: "aes256cbc" },
  { ...MAIN, suffix: "-raw-esp", encapsulation: "esp" },
  { ...MAIN, suffix: "-nogso", offload: false },
];

/** Variants whose figure is compared with the same work of the main one. */
const AGAINST_MAIN = ["-aes256gcm", "-chacha20", "-aes256cbc", "-raw-esp", "-nogso", "-v6"];

export interface ThroughputResult {
  readonly result: BenchResult;
  /** What was left out, and why. */
  readonly notes: readonly string[];
  /** Some work of Tandem could not be measured. */
  readonly failed: boolean;
}

export async function measureThroughput(options: ThroughputOptions): Promise<ThroughputResult> {
  await checkTools();
  const congestion = await chooseCongestion(options.congestion);
  const version = await wireguardVersion(options.wireguardGo);
  const all: readonly Subject[] = [plainRouting, kernelLibipsec, wireguardGo(options.wireguardGo), tandem];
  const subjects = all.filter((s) => options.subjects.length === 0 || options.subjects.includes(s.name));
  const variants = (options.quick ? [MAIN] : VARIANTS).filter(
    (v) =>
      options.variants.length === 0 ||
      options.variants.includes(v.suffix === "" ? "main" : v.suffix.slice(1)),
  );
  const sheet = new BenchSheet();
  const notes = new Set<string>([`wireguard-go: ${version}.`, `the hosts' TCP: ${congestion}.`]);
  let failed = false;
  const network = new BenchNetwork();
  const stop = (): void => {
    void network.down().finally(() => process.exit(130));
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    await network.up();
    for (const variant of variants) {
      if (!variant.offload) await network.outsideOffload(false);
      for (let run = 1; run <= options.runs; run++) {
        for (const subject of subjects) {
          const refusal = subject.refusal(variant);
          if (refusal !== undefined) {
            notes.add(`${subject.name} is left out of "${variant.suffix}": ${refusal}.`);
            continue;
          }
          if (version === "not installed" && subject.name === "wireguard-go") continue;
          const label = `${subject.name}${variant.suffix} ${run}/${options.runs}`;
          try {
            const note = await measure(network, subject, variant, { ...options, congestion }, sheet, label);
            if (note !== undefined) notes.add(note);
          } catch (error) {
            // Twenty minutes of figures are not thrown away for one; that it is missing shows in the table and in the exit status.
            failed ||= subject.name === "tandem";
            notes.add(`${label}: ${error instanceof Error ? error.message : String(error)}.`);
            options.progress(`${label}: ${error instanceof Error ? error.message : String(error)}`);
          }
        }
      }
      if (!variant.offload) await network.outsideOffload(true);
    }
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await network.down();
  }
  const rows = sheet.rows;
  const result = {
    bench: "throughput",
    machine: { ...describeMachine(), wireguardGo: version, congestionControl: congestion },
    rows,
    ratios: [...sheet.ratios("tandem"), ...againstMain(rows)],
  };
  return { result, notes: [...notes], failed };
}

/** Throws when this machine's TCP does not have what is wanted. */
async function chooseCongestion(wanted: string | undefined): Promise<string> {
  const names = await congestionControls();
  const chosen = wanted ?? names[0]!;
  if (names.includes(chosen)) return chosen;
  throw new LabError(
    `congestion control ${chosen}: this machine has ${names.join(", ")}`,
    "name one of these with --congestion",
  );
}

/** Resolves to what the subject wants noted. */
async function measure(
  network: BenchNetwork,
  subject: Subject,
  variant: Variant,
  options: ThroughputOptions & { readonly congestion: string },
  sheet: BenchSheet,
  label: string,
): Promise<string | undefined> {
  const { suffix } = variant;
  const prober = new Prober(network, variant.family, options.congestion);
  const note = (work: string, unit: string, value: number): void => {
    sheet.add(`${work}${suffix}`, subject.name, unit, value);
    options.progress(`${label}: ${work}${suffix} ${value.toFixed(value < 10 ? 3 : 0)} ${unit}`);
  };
  const running = await subject.start(network, variant);
  try {
    await prober.reachable();
    const wanted = (work: string): boolean => options.works.length === 0 || options.works.includes(work);
    if (wanted("tcp-1")) {
      const one = await prober.tcp(1, options.seconds, false);
      note("tcp-1", "Mbit/s", one.megabits);
      if (options.quick) return;
      note("cpu-tcp-1", "s/Gbit", one.secondsPerGigabit);
    }
    const tcp = async (work: string, flows: number, reverse: boolean): Promise<void> => {
      if (wanted(work)) note(work, "Mbit/s", (await prober.tcp(flows, options.seconds, reverse)).megabits);
    };
    await tcp("tcp-4", 4, false);
    if (suffix !== "" && suffix !== "-v6") return;
    await tcp("tcp-1-reverse", 1, true);
    await tcp("tcp-4-reverse", 4, true);
    if (wanted("ping")) note("ping", "ms", median(await prober.ping(200)));
    if (suffix !== "") return running.note;
    if (wanted("ping-load")) note("ping-load", "ms", median(await prober.pingUnderLoad(150)));
    const tell = (text: string): void => options.progress(`${label}: udp at ${text}`);
    for (const [work, size, guess] of [
      ["udp-1300", 1300, 200],
      ["udp-64", 64, 10],
    ] as const) {
      if (!wanted(work)) continue;
      const before = sheet.rows.find((row) => row.work === work && row.subject === subject.name)?.median ?? 0;
      const search = before > 0 ? { start: before * 0.95, near: true } : { start: guess, near: false };
      note(work, "Mbit/s", await prober.udp(size, 2, search, tell));
    }
    return running.note;
  } finally {
    await running.stop();
    await network.unroute();
  }
}

/** The cost of a variant: Tandem's figure against its own of the main form. */
function againstMain(rows: BenchResult["rows"]): BenchResult["ratios"] {
  const own = rows.filter((row) => row.subject === "tandem");
  return own.flatMap((row) => {
    const suffix = AGAINST_MAIN.find((s) => row.work.endsWith(s));
    if (suffix === undefined || row.unit !== "Mbit/s") return [];
    const base = own.find((other) => other.work === row.work.slice(0, -suffix.length));
    if (base === undefined || base.median === 0) return [];
    return [
      { work: row.work, subject: "tandem", against: `tandem ${base.work}`, ratio: row.median / base.median },
    ];
  });
}

async function checkTools(): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new LabError("the throughput benchmark makes network namespaces", "run it as root");
  for (const [program, name] of [
    ["iperf3", "iperf3"],
    ["ping", "iputils-ping"],
    ["ss", "iproute2"],
    ["ethtool", "ethtool"],
    ["wg", "wireguard-tools"],
  ] as const) {
    const found = await tryCommand(["sh", "-c", `command -v ${program}`]);
    if (found.status !== 0) throw new LabError(`${program} is not installed`, `sudo apt-get install ${name}`);
  }
}

async function wireguardVersion(path: string): Promise<string> {
  const { status, stdout } = await tryCommand(["sh", "-c", '"$0" --version 2>&1', path]);
  if (status !== 0) return "not installed";
  const owner = await tryCommand(["dpkg-query", "-S", path]);
  if (owner.status !== 0) return `${stdout.split("\n")[0]?.trim() ?? ""} (${path})`;
  const { stdout: packaged } = await tryCommand([
    "dpkg-query",
    "-W",
    "-f",
    "$" + "{Version}",
    "wireguard-go",
  ]);
  return `${stdout.split("\n")[0]?.trim() ?? ""} (Debian ${packaged})`;
}
