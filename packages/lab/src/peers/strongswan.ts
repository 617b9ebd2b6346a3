/**
 * A third-party device: strongSwan's charon with userspace ESP (kernel-libipsec), and BIRD when there is BGP.
 * kernel-libipsec takes the first policy that matches, so one charon cannot hold two any-to-any tunnels: each tunnel
 * has a charon in a namespace of its own, and the device's namespace is the router in front of them.
 *
 *      fabric ── out ┐               ┌─ o0 ── outer ┐
 *                    │ device (BIRD) │              │ LAB.device-t0: charon, ipsec0, the public IP on lo
 *      site ──── in ─┘               └─ i0 ── inner ┘
 *
 * What arrives at the public IP goes to the charon of the tunnel by its source address, the gateway seat's.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type DeviceNode, InstanceConfig, type LabPlan, nodeFileName, TUN_TABLE } from "@tandem/contract";
import { birdConf } from "../device-config/bird.ts";
import { renderBlock } from "../device-config/config-block.ts";
import { retransmission, type SwanctlOptions, swanctlConf } from "../device-config/swanctl.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import type { ProcessRecord } from "../lab-record.ts";
import type { Realm } from "../netns/realm.ts";
import { namespaceOf } from "../plan/network-of-plan.ts";
import { launch } from "../process/launch.ts";
import { isAlive } from "../process/process-identity.ts";
import { runCommand } from "../process/run-command.ts";
import type { StateFolder } from "../state-folder.ts";
import { type DeviceTunnels, deviceTunnels } from "./device-tunnels.ts";
import { layRouter, layTunnelNamespaces, type Tunnel } from "./tunnel-network.ts";

const CHARON_MILLISECONDS = 10_000;

/** Namespaces beyond the plan's own: one per tunnel of each third-party device. */
export function strongswanNamespaces(plan: LabPlan): string[] {
  return plan.nodes.flatMap((node) =>
    node.kind === "device" && node.software === "strongswan" && node.role === "gateway"
      ? (node.config.connections?.map((_, index) => tunnelNamespace(plan, node, index)) ?? [])
      : [],
  );
}

function tunnelNamespace(plan: LabPlan, node: DeviceNode, index: number): string {
  return `${namespaceOf(plan.lab, node.name)}-t${index}`;
}

/** What `lab exec` adds to the environment, so that a plain `swanctl --list-sas` finds the first charon of the device. */
export function strongswanEnvironment(
  folder: StateFolder,
  node: DeviceNode,
  index = 0,
): Record<string, string> {
  const at = charonFolder(folder, node, index);
  return { STRONGSWAN_CONF: join(at, "strongswan.conf"), SWANCTL_DIR: join(at, "swanctl") };
}

function charonFolder(folder: StateFolder, node: DeviceNode, index: number): string {
  return join(folder.config, `${nodeFileName(node.name)}-t${index}`);
}

/** Lays the device's network and starts its daemons. */
export async function startStrongswanDevice(
  realm: Realm,
  folder: StateFolder,
  plan: LabPlan,
  node: DeviceNode,
): Promise<ProcessRecord[]> {
  const device = strongswanDevice(folder, plan, node);
  const { publicIp, tunnels } = device;
  if (node.role === "client") {
    // IKE and ESP carry the public address; everything else follows charon's routes (table 220) into the tunnel.
    const rule = `rule add priority 200 from ${publicIp} lookup main`.split(" ");
    await realm.run(["ip", "-netns", namespaceOf(plan.lab, node.name), ...rule]);
  } else {
    await layTunnelNamespaces(realm, plan, node, publicIp, tunnels);
    await layRouter(realm, plan, node, publicIp, tunnels);
  }
  return await startStrongswanDaemons(realm, folder, plan, node, true);
}

/**
 * In a network that stands. At first (`waits`) the gateway begins: if both did, one IKE SA too many would be settled under the
 * first packets, and charon loses some then. Started again the device begins, for the gateway believes in its life before.
 */
export async function startStrongswanDaemons(
  realm: Realm,
  folder: StateFolder,
  plan: LabPlan,
  node: DeviceNode,
  waits: boolean,
): Promise<ProcessRecord[]> {
  const { config, publicIp, tunnels } = strongswanDevice(folder, plan, node);
  const charons = await Promise.all(
    tunnels.map((tunnel) => startCharon(realm, folder, node, { localAddress: publicIp, waits }, tunnel)),
  );
  if (config.connections.every(({ bgp }) => bgp === undefined)) return charons;
  return [...charons, await startBird(realm, folder, plan, node, config, tunnels)];
}

const strongswanDevice = (folder: StateFolder, plan: LabPlan, node: DeviceNode): DeviceTunnels =>
  deviceTunnels(node, (index) => ({
    // A client has one tunnel and nothing behind it: its charon runs in the client's own namespace.
    netns: node.role === "client" ? namespaceOf(plan.lab, node.name) : tunnelNamespace(plan, node, index),
    folder: charonFolder(folder, node, index),
    logFile: join(folder.log, `${nodeFileName(node.name)}-t${index}.log`),
  }));

const SWANCTL_FOLDERS =
  "conf.d x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12";

/** charon keeps its pid file in /run: each gets a /run of its own. */
const CHARON_SCRIPT = "mount -t tmpfs tmpfs /run && mkdir -p /run/lock && exec /usr/lib/ipsec/charon";

async function startCharon(
  realm: Realm,
  folder: StateFolder,
  node: DeviceNode,
  options: SwanctlOptions,
  tunnel: Tunnel,
): Promise<ProcessRecord> {
  for (const name of SWANCTL_FOLDERS.split(" ")) {
    mkdirSync(join(tunnel.folder, "swanctl", name), { recursive: true, mode: 0o700 });
  }
  const socket = join(folder.control, `${nodeFileName(node.name)}-t${tunnel.index}.vici`);
  rmSync(socket, { force: true }); // of a charon that was killed
  const write = (name: string, text: string): void =>
    writeFileSync(join(tunnel.folder, name), text, { mode: 0o600 });
  write("strongswan.conf", strongswanConf(socket, tunnel, node.role));
  writeCertificates(tunnel, write);
  write("swanctl/swanctl.conf", swanctlConf([tunnel.connection], options));
  const env = strongswanEnvironment(folder, node, tunnel.index);
  const record = await launch(realm, folder, {
    node: node.name,
    role: `charon-t${tunnel.index}`,
    netns: tunnel.netns,
    argv: ["sh", "-c", CHARON_SCRIPT],
    logFile: tunnel.logFile,
    env,
  });
  await untilDone(`charon of ${node.name}`, record, async () => {
    for (const family of node.role === "gateway" ? ["-4", "-6"] : []) {
      await realm.run([
        "ip",
        family,
        "-netns",
        tunnel.netns,
        "route",
        "replace",
        "default",
        "dev",
        "ipsec0",
        "table",
        String(TUN_TABLE),
      ]);
    }
    await runCommand(["swanctl", "--load-all"], { env: { ...process.env, ...env } });
  });
  return record;
}

function writeCertificates({ connection }: Tunnel, write: (name: string, text: string) => void): void {
  const { authentication } = connection;
  if (authentication.method !== "certificate") return;
  const [own = "", ...intermediate] = authentication.chain;
  write("swanctl/x509/own.pem", own);
  write("swanctl/private/own.pem", authentication.privateKey);
  for (const [index, pem] of intermediate.entries()) write(`swanctl/x509ca/intermediate${index}.pem`, pem);
  for (const [index, pem] of authentication.roots.entries()) write(`swanctl/x509ca/root${index}.pem`, pem);
}

function strongswanConf(socket: string, { connection, logFile }: Tunnel, role: DeviceNode["role"]): string {
  return renderBlock({
    charon: {
      load: "random nonce openssl kdf hmac sha1 sha2 md5 pem pkcs1 pkcs8 x509 pubkey revocation constraints curve25519 chapoly kernel-libipsec kernel-netlink socket-default vici updown",
      // kernel-libipsec routes its selectors into ipsec0, and any-to-any covers its own ESP: `main` must win.
      ...(role === "gateway" ? { routing_table_prio: "32800", install_virtual_ip: "no" } : {}),
      ...retransmission(connection),
      plugins: {
        vici: { socket: `unix://${socket}` },
        "kernel-libipsec": { allow_peer_ts: "yes" },
      },
      filelog: { log: { path: logFile, time_format: "%FT%T", default: "1", flush_line: "yes" } },
    },
    swanctl: { load: "pem pkcs1 pkcs8 x509 openssl random nonce", socket: `unix://${socket}` },
  });
}

async function startBird(
  realm: Realm,
  folder: StateFolder,
  plan: LabPlan,
  node: DeviceNode,
  config: InstanceConfig,
  tunnels: readonly Tunnel[],
): Promise<ProcessRecord> {
  const file = join(folder.config, `${nodeFileName(node.name)}-bird.conf`);
  const gatewayOf = (neighbor: string) =>
    tunnels.find(({ connection }) => connection.bgp?.neighbor === neighbor)?.inner[1];
  writeFileSync(file, birdConf(config, { kernelTable: TUN_TABLE, gatewayOf }), { mode: 0o600 });
  return await launch(realm, folder, {
    node: node.name,
    role: "bird",
    netns: namespaceOf(plan.lab, node.name),
    argv: ["bird", "-f", "-c", file, "-s", join(folder.control, `${nodeFileName(node.name)}.bird`)],
    logFile: join(folder.log, `${nodeFileName(node.name)}-bird.log`),
  });
}

/** Repeats `work` until it succeeds; ends with its last failure when the process dies or takes too long. */
async function untilDone(what: string, record: ProcessRecord, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + CHARON_MILLISECONDS;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (isAlive(record.identity) && performance.now() < deadline) {
        await delay(50);
        continue;
      }
      throw new LabError(
        `${what} did not come up: ${reasonOf(error)}`,
        "see its log with --keep-going and ./tandem lab logs",
      );
    }
  }
}

/** After a change of keys, proposals or prefixes: each charon loads its connections anew. */
export async function strongswanReload(folder: StateFolder, node: DeviceNode): Promise<string[]> {
  const config = InstanceConfig.parse(node.config);
  const publicIp = config.seats[0]?.publicIps[0] ?? "";
  const present = readdirSync(folder.config).filter((name) =>
    name.startsWith(`${nodeFileName(node.name)}-t`),
  );
  if (present.length !== config.connections.length) {
    throw new LabError(
      `${node.name} is third-party software, whose tunnels cannot be added or removed while the lab runs`,
      "bring the lab down and up with the changed file, or use --device tandem",
    );
  }
  for (const [index, connection] of config.connections.entries()) {
    const conf = join(charonFolder(folder, node, index), "swanctl", "swanctl.conf");
    writeFileSync(conf, swanctlConf([connection], { localAddress: publicIp }), { mode: 0o600 });
    const env = { ...process.env, ...strongswanEnvironment(folder, node, index) };
    await runCommand(["swanctl", "--load-all", "--clear"], { env });
  }
  return config.connections.map(({ name }) => `connection ${name} loaded`);
}
