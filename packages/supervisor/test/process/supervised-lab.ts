/** A supervisor and two stand-ins for instances on the fabric of `TestFabric`. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import {
  FabricStatus,
  type InstanceConfig,
  type LabStatus,
  PingResult,
  type SupervisorConfigInput,
} from "@tandem/contract";
import { ControlClient } from "../../src/control/control-client.ts";
import { processState } from "../../src/health/process-state.ts";
import { ns, PUBLIC, TestFabric } from "../fabric/namespaces.ts";

const here = new URL(".", import.meta.url).pathname;

export class SupervisedLab {
  readonly fabric = new TestFabric();
  #supervisor: ChildProcess | undefined;
  #agent: ChildProcess | undefined;
  readonly #profile: "fast" | "hitless";

  constructor(profile: "fast" | "hitless") {
    this.#profile = profile;
    for (const i of [0, 1])
      writeFileSync(this.#file(`IN_${i}.json`), JSON.stringify(this.#instance(i, true)));
    writeFileSync(this.#file("supervisor.json"), JSON.stringify(this.#config()));
  }

  async start(): Promise<void> {
    await this.startAgent();
    for (const i of [0, 1])
      spawn("ip", this.#command(i).slice(1), { stdio: "ignore", detached: true }).unref();
    this.startSupervisor();
  }

  async startAgent(): Promise<void> {
    const { child, client } = await this.fabric.agent();
    client.close();
    this.#agent = child;
  }

  startSupervisor(): void {
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    // In the fabric's namespace: there is no data path to probe here.
    const argv = [
      "netns",
      "exec",
      ns("fabric"),
      process.execPath,
      main,
      "--config",
      this.#file("supervisor.json"),
    ];
    const log = openSync(this.#file("supervisor.log"), "a");
    this.#supervisor = spawn("ip", argv, { stdio: ["ignore", "ignore", log] });
    closeSync(log);
  }

  killSupervisor(): void {
    this.#supervisor?.kill("SIGKILL");
  }

  killAgent(): void {
    this.#agent?.kill("SIGKILL");
  }

  async pid(i: number): Promise<number> {
    return (await this.held(i))?.pid ?? 0;
  }

  /** What the instance itself says; `undefined` when it does not answer. */
  async held(i: number): Promise<PingResult | undefined> {
    const answer = await ask(this.#file(`IN_${i}.sock`), "ping");
    const result = PingResult.safeParse(answer);
    return result.success ? result.data : undefined;
  }

  async owners(): Promise<{ name: string; owner: string | null; epoch: number }[]> {
    const answer = FabricStatus.safeParse(await ask(this.#file("fabric.sock"), "status"));
    return answer.success ? answer.data.seats : [];
  }

  /** Every seat has one owner, who holds it in the fabric's epoch, and nobody else holds it. */
  async consistent(): Promise<boolean> {
    const [owners, ...held] = await Promise.all([this.owners(), this.held(0), this.held(1)]);
    if (owners.length !== 2 || held.some((h) => h === undefined)) return false;
    return owners.every(({ name, owner, epoch }) => {
      const holders = held.flatMap((h, i) =>
        h!.seats.filter((s) => s.name === name).map((s) => ({ by: `gw/IN_${i}`, epoch: s.epoch })),
      );
      return holders.length === 1 && holders[0]!.by === owner && holders[0]!.epoch === epoch;
    });
  }

  call(method: string, params?: unknown): Promise<unknown> {
    return ask(this.#file("supervisor.sock"), method, params, 20_000);
  }

  status(): Promise<LabStatus> {
    return this.call("status") as Promise<LabStatus>;
  }

  /** The last lines of the supervisor's log, for the message of a failed test. */
  log(): string {
    return readFileSync(this.#file("supervisor.log"), "utf8").split("\n").slice(-40).join("\n");
  }

  token(): string {
    return readFileSync(this.#file("api.token"), "utf8").trim();
  }

  http(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body = "",
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const r = request({ socketPath: this.#file("api.sock"), method, path, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (t: string) => {
          text += t;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      r.on("error", reject);
      r.end(body);
    });
  }

  /** A page that goes on: what has come so far, until it is ended. */
  stream(path: string): { text(): string; end(): void } {
    let text = "";
    const r = request({ socketPath: this.#file("api.sock"), method: "GET", path }, (response) => {
      response.setEncoding("utf8").on("data", (t: string) => {
        text += t;
      });
    });
    r.on("error", () => {}); // the end of it, ours or the supervisor's
    r.end();
    return { text: () => text, end: () => void r.destroy() };
  }

  async close(): Promise<void> {
    this.killSupervisor();
    for (const i of [0, 1]) {
      const pid = await this.pid(i);
      if (pid !== 0) process.kill(pid, "SIGKILL");
    }
    this.fabric.close();
  }

  #file(name: string): string {
    mkdirSync(this.fabric.folder, { recursive: true });
    return this.fabric.file(name);
  }

  #command(i: number): string[] {
    return [
      "ip",
      "netns",
      "exec",
      ns(`i${i}`),
      process.execPath,
      `${here}fake-instance.ts`,
      "--config",
      this.#file(`IN_${i}.json`),
    ];
  }

  #seat(i: number) {
    return { name: `gw/${i}`, publicIps: [PUBLIC[i]!], bgpIp: `10.12.255.${4 + i}` };
  }

  #instance(i: number, seated: boolean): InstanceConfig {
    return {
      name: `gw/IN_${i}`,
      kind: "instance",
      gateway: "gw",
      profile: this.#profile,
      asn: 65515,
      controlSocket: this.#file(`IN_${i}.sock`),
      outside: { interface: "out", encapsulation: "auto" },
      inside: { interface: "in" },
      tun: { interface: "tun0", mtu: 1400, mssClamp: 0, fragment: true },
      localPrefixes: ["10.11.0.0/16"],
      seats: seated ? [{ ...this.#seat(i), epoch: 1 }] : [],
      connections: [],
    };
  }

  #config(): SupervisorConfigInput {
    return {
      lab: "test",
      topology: "test",
      profile: this.#profile,
      controlSocket: this.#file("supervisor.sock"),
      fabricSocket: this.#file("fabric.sock"),
      stateFile: this.#file("supervisor.sqlite"),
      api: { port: 0, socket: this.#file("api.sock"), tokenFile: this.#file("api.token") },
      gateways: [{ name: "gw", seats: [0, 1].map((i) => ({ ...this.#seat(i), home: `gw/IN_${i}` })) }],
      instances: [0, 1].map((i) => ({
        name: `gw/IN_${i}`,
        gateway: "gw",
        homeSeat: `gw/${i}`,
        controlSocket: this.#file(`IN_${i}.sock`),
        configFile: this.#file(`IN_${i}.json`),
        config: this.#instance(i, false),
        startCommand: this.#command(i),
      })),
      restartDelayMilliseconds: 200,
    };
  }
}

export const gone = (pid: number): boolean => processState(pid) === "gone";

/** One question over a connection of its own; `undefined` when nothing answers. */
function ask(path: string, method: string, params?: unknown, milliseconds = 1000): Promise<unknown> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(undefined), milliseconds);
    const client: ControlClient = new ControlClient(path, {
      onUp: () =>
        client
          .call(method, params, milliseconds)
          .then(done, (error: Error) => done({ error: error.message })),
      onDown: () => done(undefined),
    });
    const done = (value: unknown): void => {
      clearTimeout(timer);
      client.close();
      resolve(value);
    };
  });
}
