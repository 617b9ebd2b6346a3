/**
 * The device's role with third-party software: charon (userspace ESP, kernel-libipsec) and, where there is BGP, BIRD, in one
 * container. One tunnel only: kernel-libipsec takes the first policy that matches, so it cannot hold two any-to-any ones.
 * A device with several has a container for each tunnel (device-parts.ts draws it), which is the other half of this file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type DeviceNode, InstanceConfig, TUN_TABLE } from "@tandem/contract";
import { birdConf } from "../device-config/bird.ts";
import { renderBlock } from "../device-config/config-block.ts";
import { retransmission, swanctlConf } from "../device-config/swanctl.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import { tunnelLayout } from "../peers/tunnel-network.ts";
import { runCommand } from "../process/run-command.ts";
import type { ContainerEnd } from "./container-network.ts";
import { tunnelsOf } from "./device-parts.ts";
import type { ProgramQuestion } from "./health-main.ts";
import { ipBatch, layNetwork } from "./lay-network.ts";

const FOLDER = "/tmp/device";
const TUNNEL = "ipsec0";
const CHARON = "/usr/lib/ipsec/charon";
const START_MILLISECONDS = 15_000;
const SWANCTL_FOLDERS =
  "conf.d x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12";

const STRONGSWAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  STRONGSWAN_CONF: join(FOLDER, "strongswan.conf"),
  SWANCTL_DIR: join(FOLDER, "swanctl"),
};

/** For the health check: says nothing of ours, only what charon says. */
export const CHARON_QUESTION: ProgramQuestion = {
  ask: "program",
  argv: ["swanctl", "--list-sas"],
  environment: STRONGSWAN_ENVIRONMENT,
  expected: "INSTALLED",
  otherwise: "charon has no Child SA installed",
};

/** Runs until one of its programs ends or the container is stopped. */
export async function startStrongswan(node: DeviceNode): Promise<never> {
  const config = InstanceConfig.parse(node.config);
  const [connection] = config.connections;
  const publicIp = config.seats[0]?.publicIps[0];
  if (connection === undefined || publicIp === undefined) throw new LabError(`${node.name} has no tunnel`);
  writeFiles(connection, publicIp);
  const bird = birdConf(config, { kernelTable: TUN_TABLE, gatewayOf: () => `"${TUNNEL}"` });
  writeFileSync(join(FOLDER, "bird.conf"), bird, { mode: 0o600 });
  await runCommand([
    "ip",
    "address",
    "replace",
    `${publicIp}/${publicIp.includes(":") ? 128 : 32}`,
    "dev",
    "lo",
  ]);
  const programs = [await startCharon()];
  if (connection.bgp !== undefined)
    await runCommand(["ip", "route", "replace", connection.bgp.neighbor, "dev", TUNNEL]);
  if (connection.bgp !== undefined) {
    const words = ["-f", "-c", join(FOLDER, "bird.conf"), "-s", join(FOLDER, "bird.ctl")];
    programs.push(spawn("/usr/sbin/bird", words, { stdio: "inherit" }));
  }
  return await supervise(programs);
}

/** The charon of one tunnel, in a container of its own. */
export async function startTunnelPart(
  node: DeviceNode,
  index: number,
  interfaces: ReadonlyMap<ContainerEnd, string>,
): Promise<never> {
  const { publicIp, tunnels } = tunnelsOf(node, FOLDER);
  const tunnel = tunnels[index];
  if (tunnel === undefined) throw new LabError(`${node.name} has no tunnel ${index}`);
  await layNetwork(tunnelLayout(tunnel, publicIp), interfaces);
  writeFiles(tunnel.connection, publicIp);
  return await supervise([await startCharon()]);
}

async function startCharon(): Promise<ChildProcess> {
  const env = { ...process.env, ...STRONGSWAN_ENVIRONMENT };
  const charon = spawn(CHARON, [], { env, stdio: "inherit" });
  await untilLoaded(env);
  for (const family of ["-4", "-6"]) {
    await ipBatch([family], [`route replace default dev ${TUNNEL} table ${TUN_TABLE}`]);
  }
  return charon;
}

type Connection = InstanceConfig["connections"][number];

function writeFiles(connection: Connection, localAddress: string): void {
  for (const sub of SWANCTL_FOLDERS.split(" "))
    mkdirSync(join(FOLDER, "swanctl", sub), { recursive: true, mode: 0o700 });
  const write = (name: string, text: string): void =>
    writeFileSync(join(FOLDER, name), text, { mode: 0o600 });
  write("swanctl/swanctl.conf", swanctlConf([connection], { localAddress }));
  const socket = `unix://${FOLDER}/charon.vici`;
  write(
    "strongswan.conf",
    renderBlock({
      charon: {
        load: "random nonce openssl kdf hmac sha1 sha2 md5 pem pkcs1 pkcs8 x509 pubkey curve25519 chapoly kernel-libipsec kernel-netlink socket-default vici updown",
        // kernel-libipsec routes its selectors into ipsec0, and any-to-any covers its own ESP: `main` must win.
        routing_table_prio: "32800",
        ...retransmission(connection),
        plugins: { vici: { socket }, "kernel-libipsec": { allow_peer_ts: "yes" } },
        filelog: { stdout: { default: "1", flush_line: "yes" } },
      },
      swanctl: { load: "pem pkcs1 pkcs8 x509 openssl random nonce", socket },
    }),
  );
}

async function untilLoaded(env: NodeJS.ProcessEnv): Promise<void> {
  const deadline = performance.now() + START_MILLISECONDS;
  for (;;) {
    try {
      await runCommand(["swanctl", "--load-all"], { env });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new LabError(`charon did not come up: ${reasonOf(error)}`);
      await delay(100);
    }
  }
}

export function supervise(programs: readonly ChildProcess[]): Promise<never> {
  const end = (status: number): void => {
    for (const program of programs) program.kill("SIGTERM");
    setTimeout(() => process.exit(status), 500);
  };
  process.once("SIGTERM", () => end(0)).once("SIGINT", () => end(0));
  for (const program of programs) program.once("exit", () => end(1));
  return new Promise(() => {});
}
