/** The speakers that are compared, each as a route server between the two peers of the load: start, measure, stop. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface BenchAddresses {
  readonly speaker: string;
  readonly port: number;
  readonly asn: number;
  readonly peers: readonly { readonly address: string; readonly asn: number }[];
}

/** Milliseconds. */
export interface Stalls {
  /** Longest delay of the event loop, whatever else the machine was busy with. */
  readonly loop: number;
  /** Most CPU time that one turn of the event loop took: the speaker's own share. */
  readonly turn: number;
}

export interface Subject {
  readonly name: string;
  /** Undefined when it is installed; else what to install. */
  missing(): string | undefined;
  start(addresses: BenchAddresses, folder: string): ChildProcess;
  /** Since the last call; only what can be measured from inside. */
  stalls?(process: ChildProcess): Promise<Stalls>;
}

const SPEAKER_MAIN = fileURLToPath(new URL("../../../gateway/src/bgp/speaker-main.ts", import.meta.url));

function installed(path: string, debianPackage: string): string | undefined {
  try {
    accessSync(path);
    return undefined;
  } catch {
    return debianPackage;
  }
}

function run(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
}

const bird: Subject = {
  name: "bird",
  missing: () => installed("/usr/sbin/bird", "bird2"),
  start(a, folder) {
    const peers = a.peers.map(
      (p, i) =>
        `protocol bgp peer${i} { local ${a.speaker} port ${a.port} as ${a.asn}; neighbor ${p.address} as ${p.asn};
  multihop; passive; ipv4 { import all; export all; next hop self; }; }`,
    );
    const config = join(folder, "bird.conf");
    writeFileSync(config, [`router id ${a.speaker};`, "protocol device {}", ...peers].join("\n"));
    return run("/usr/sbin/bird", ["-f", "-c", config, "-s", join(folder, "bird.ctl")]);
  },
};

const frr: Subject = {
  name: "frr",
  missing: () => installed("/usr/lib/frr/bgpd", "frr"),
  start(a, folder) {
    const lines = a.peers.flatMap((p) => [
      ` neighbor ${p.address} remote-as ${p.asn}`,
      ` neighbor ${p.address} passive`,
      ` neighbor ${p.address} disable-connected-check`,
      ` neighbor ${p.address} advertisement-interval 0`,
    ]);
    const config = join(folder, "bgpd.conf");
    const head = [`router bgp ${a.asn}`, ` bgp router-id ${a.speaker}`, " no bgp ebgp-requires-policy"];
    writeFileSync(config, [...head, ...lines, "exit", ""].join("\n"));
    return run("/usr/lib/frr/bgpd", [
      ...["-f", config, "-l", a.speaker, "-p", String(a.port), "-i", join(folder, "bgpd.pid")],
      ...["--vty_socket", folder, "--vty_port", "0", "-S", "-n", "-Z"],
    ]);
  },
};

const gobgp: Subject = {
  name: "gobgp",
  missing: () => installed("/usr/bin/gobgpd", "gobgpd"),
  start(a, folder) {
    const peers = a.peers.map(
      (p) => `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${p.address}"
    peer-as = ${p.asn}
  [neighbors.transport.config]
    passive-mode = true
  [neighbors.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 64
`,
    );
    const config = join(folder, "gobgpd.toml");
    const head = `[global.config]
  as = ${a.asn}
  router-id = "${a.speaker}"
  port = ${a.port}
  local-address-list = ["${a.speaker}"]
`;
    writeFileSync(config, [head, ...peers].join("\n"));
    return run("/usr/bin/gobgpd", ["-f", config, "-l", "error", "--api-hosts", "127.0.0.1:50151"]);
  },
};

const tandem: Subject = {
  name: "tandem",
  missing: () => undefined,
  start(a) {
    const options = { localAddress: a.speaker, asn: a.asn, routerId: a.speaker, port: a.port, fib: false };
    const child = run(process.execPath, [SPEAKER_MAIN, JSON.stringify(options)]);
    for (const [i, p] of a.peers.entries()) {
      const peer = { name: `peer${i}`, neighbor: p.address, asn: p.asn, passive: true };
      child.stdin!.write(`${JSON.stringify({ input: { kind: "peer-set", peer } })}\n`);
    }
    return child;
  },
  stalls(child) {
    return new Promise((resolve) => {
      const lines = createInterface({ input: child.stdout! });
      lines.on("line", (line) => {
        const answer = JSON.parse(line) as { result?: { stall: number; turn: number } };
        if (answer.result === undefined) return;
        lines.close();
        resolve({ loop: answer.result.stall, turn: answer.result.turn });
      });
      child.stdin!.write('{"query":"process"}\n');
    });
  },
};

export const SUBJECTS: readonly Subject[] = [bird, frr, gobgp, tandem];

export interface ProcessFigures {
  readonly cpuMilliseconds: number;
  readonly peakMegabytes: number;
}

/** From /proc: user and system time of all threads, and the peak of the resident set. */
export function processFigures(pid: number): ProcessFigures {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  // USER_HZ is 100 on every Linux that Node runs on.
  return { cpuMilliseconds: ticks * 10, peakMegabytes: Number(peak) / 1024 };
}

/** Runs `use` with the subject started in a folder of its own, and stops it whatever happens. */
export async function withSubject<T>(
  subject: Subject,
  addresses: BenchAddresses,
  use: (child: ChildProcess) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), `tandem-bench-${subject.name}-`));
  const child = subject.start(addresses, folder);
  let said = "";
  child.stderr?.on("data", (data: Buffer) => {
    said = (said + data.toString()).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    return await use(child);
  } catch (error) {
    throw new Error(`${subject.name}: ${error instanceof Error ? error.message : String(error)}\n${said}`);
  } finally {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
