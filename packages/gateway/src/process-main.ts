/**
 * What main.ts starts: one instance or device.
 *
 * Order of work: read the configuration, raise the guards, start the data plane, open the control socket, take the
 * seats. SIGTERM and SIGINT drain (DELETE to the peers, Cease to the neighbours) and exit 0. Whatever kills it, the
 * guards are the kernel's and stay.
 */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { parseArgs } from "node:util";
import type { InstanceConfig } from "@tandem/contract";
import { LinuxError, RouteNetlink } from "@tandem/linux";
import { linuxTcpSockets } from "./bgp/linux-tcp-sockets.ts";
import { describeProblems, readInstanceConfig } from "./config/instance-plan.ts";
import { controlMethods } from "./control/methods.ts";
import { ControlRefusal, ControlServer } from "./control/server.ts";
import { DataPlane, DataPlaneRefusal } from "./dataplane/data-plane.ts";
import { PooledCryptoRunner } from "./driver/crypto-runner.ts";
import { systemClock } from "./driver/engine-driver.ts";
import { localCrypto } from "./driver/local-crypto.ts";
import { Journal } from "./events/journal.ts";
import { Instance } from "./instance.ts";
import { batchedLines, jsonLog } from "./log.ts";
import { HostNetwork } from "./network/host-network.ts";
import { IpCommandError, systemIpCommand } from "./network/ip-command.ts";
import { systemRandom } from "./random.ts";

const USAGE = "usage: main.ts --config FILE.json [--check]";
/** Milliseconds that a clean stop may take before the process goes anyway. */
const LONGEST_STOP = 3_000;
const CRYPTO_WORKERS = 1;

/** Milliseconds since the Unix epoch, with fractions: one clock for every process of a machine. */
const wallClock = (): number => performance.timeOrigin + performance.now();

/** Sources of the data plane's own ICMP errors: our addresses on the inside. */
function routerAddresses(config: InstanceConfig): string[] {
  const inside = networkInterfaces()[config.inside.interface] ?? [];
  return inside.filter((one) => !one.internal && !one.address.startsWith("fe80:")).map((one) => one.address);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readConfig(file: string): InstanceConfig {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    fail(`${file}: ${(error as Error).message}`);
  }
  const read = readInstanceConfig(json);
  if (!read.ok)
    fail(`${file}: the configuration is refused, nothing was changed:\n${describeProblems(read.problems)}`);
  return read.config;
}

/** Rejects when the process could not start; nothing runs on then. */
async function run(config: InstanceConfig): Promise<void> {
  const dataPlane = DataPlane.start({
    tun: config.tun.interface,
    settings: {
      mssClamp: config.tun.mssClamp,
      fragment: config.tun.fragment,
      routerAddresses: routerAddresses(config),
      outerDontFragment: config.outside.dontFragment ?? false,
    },
  });
  try {
    await serve(config, dataPlane);
  } catch (error) {
    // A worker that waits for packets would keep the process from ending.
    await dataPlane.then((plane) => plane.stop()).catch(() => {});
    throw error;
  }
}

async function serve(config: InstanceConfig, starting: Promise<DataPlane>): Promise<void> {
  process.stdout.on("error", () => {}); // a disk that is full ends the log, not the gateway
  const lines = batchedLines((text) => process.stdout.write(text));
  process.on("exit", lines.flush);
  const log = jsonLog(config.name, lines.write, wallClock);
  // A fault of ours in one place must not take every tunnel along; it is told, and the tests look for it.
  process.on("unhandledRejection", (reason) => {
    log("error", reason instanceof Error ? (reason.stack ?? reason.message) : String(reason), {
      fault: true,
    });
  });
  const network = new HostNetwork(
    systemIpCommand(),
    new RouteNetlink(),
    {
      outside: config.outside.interface,
      inside: config.inside.interface,
      tun: config.tun.interface,
      mtu: config.tun.mtu,
      ...(config.partner === undefined
        ? {}
        : {
            partner: config.partner.address,
            partnerLocal: config.partner.localAddress,
            bgpAddresses: config.partner.bgpPeers.map(({ neighbor }) => neighbor),
          }),
    },
    (message) => log("warn", message),
  );
  // The TUN device stays down until the guards stand and `steer` raises it, so the two may be prepared together.
  const [dataPlane] = await Promise.all([starting, network.guard()]);
  let stopping = false;
  let served = false;
  const died = (reason: string): void => {
    if (stopping || !served) return;
    log("error", `the data plane died: ${reason}`);
    process.exit(1);
  };
  dataPlane.ended.then(
    () => died("its worker has ended"),
    (error: unknown) => died(String(error)),
  );
  network.steer();

  const journal = new Journal(config.name, wallClock);
  const instance = new Instance(config, {
    dataPlane,
    network,
    sockets: linuxTcpSockets,
    clock: systemClock,
    wallClock,
    random: systemRandom(),
    crypto: new PooledCryptoRunner(CRYPTO_WORKERS, localCrypto()),
    journal,
    log,
  });
  const stop = (status: number): void => {
    if (stopping) return;
    stopping = true;
    log("info", "stopping");
    setTimeout(() => process.kill(process.pid, "SIGKILL"), LONGEST_STOP).unref();
    instance
      .stop()
      .then(() => control.close())
      .then(
        () => process.exit(status),
        (error: unknown) => {
          log("error", `unclean stop: ${String(error)}`);
          process.exit(1);
        },
      );
  };
  const control = new ControlServer(controlMethods(instance, stop), (method, error) => {
    log("error", error instanceof Error ? (error.stack ?? error.message) : String(error), { method });
  });
  await control.listen(config.controlSocket);
  process.on("SIGTERM", () => stop(0));
  process.on("SIGINT", () => stop(0));
  await instance.start();
  served = true;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { config: { type: "string" }, check: { type: "boolean" } } });
  if (values.config === undefined) fail(USAGE);
  const config = readConfig(values.config);
  if (values.check === true) {
    process.stdout.write(`${values.config}: good\n`);
    return;
  }
  await run(config).catch((error: unknown) => {
    fail(`${config.name}: ${describeFailure(error)}`);
  });
}

/** What the system refused says cause and cure by itself; only a fault of ours is shown with its place in the code. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const told = [LinuxError, DataPlaneRefusal, IpCommandError, ControlRefusal];
  if (told.some((kind) => error instanceof kind)) return error.message;
  return error.stack ?? error.message;
}
