/** The router of a third-party device with several tunnels: BIRD or FRR, and the routes between it and its charons. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type DeviceNode, TUN_TABLE } from "@tandem/contract";
import { birdConf } from "../device-config/bird.ts";
import { frrConf } from "../device-config/frr.ts";
import { LabError } from "../lab-error.ts";
import type { DeviceTunnels } from "../peers/device-tunnels.ts";
import { routerLines } from "../peers/tunnel-network.ts";
import { tryCommand } from "../process/run-command.ts";
import { tunnelsOf } from "./device-parts.ts";
import type { ProgramQuestion } from "./health-main.ts";
import { ipBatch } from "./lay-network.ts";
import type { DeviceRouter } from "./role-needs.ts";
import { supervise } from "./start-strongswan.ts";

const FOLDER = "/tmp/device";
const BIRD_SOCKET = join(FOLDER, "bird.ctl");
const START_MILLISECONDS = 10_000;

export const routerQuestion = (router: DeviceRouter): ProgramQuestion => ({
  ask: "program",
  argv:
    router === "frr"
      ? ["vtysh", "--vty_socket", FOLDER, "-c", "show bgp neighbors"]
      : ["birdc", "-s", BIRD_SOCKET, "show", "protocols"],
  environment: {},
  expected: "Established",
  otherwise: `no BGP session of ${router} stands`,
});

/** The device's own interfaces and routes stand; those towards its charons come here. Runs until a program ends. */
export async function startDeviceRouter(node: DeviceNode, router: DeviceRouter): Promise<never> {
  const device = tunnelsOf(node, FOLDER);
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  const lines = routerLines(device.publicIp, device.tunnels);
  await ipBatch(
    [],
    lines.map((line) => line.replace(/^(address|route) add /, "$1 replace ")),
  );
  if (device.config.connections.every(({ bgp }) => bgp === undefined)) return await supervise([]);
  return await supervise(router === "frr" ? await startFrr(device) : startBird(device));
}

function startBird({ config, tunnels }: DeviceTunnels): ChildProcess[] {
  const gatewayOf = (neighbor: string) =>
    tunnels.find(({ connection }) => connection.bgp?.neighbor === neighbor)?.inner[1];
  const file = join(FOLDER, "bird.conf");
  writeFileSync(file, birdConf(config, { kernelTable: TUN_TABLE, gatewayOf }), { mode: 0o600 });
  return [spawn("/usr/sbin/bird", ["-f", "-c", file, "-s", BIRD_SOCKET], { stdio: "inherit" })];
}

/** FRR writes to `main`, where BIRD has a table of its own: what comes from the site looks there first. */
async function startFrr({ config }: DeviceTunnels): Promise<ChildProcess[]> {
  for (const family of ["-4", "-6"]) {
    await ipBatch([family], ["rule add priority 90 iif in lookup main suppress_ifgroup 4500"]);
  }
  const file = join(FOLDER, "frr.conf");
  writeFileSync(file, frrConf(config), { mode: 0o600 });
  const bare = join(FOLDER, "zebra.conf");
  writeFileSync(bare, `hostname ${config.name}\n`, { mode: 0o600 });
  const common = (name: string, configFile: string): string[] => [
    ...["-u", "root", "-g", "root", "-f", configFile, "-i", join(FOLDER, `${name}.pid`)],
    ...["-z", join(FOLDER, "zserv.api"), "--vty_socket", FOLDER, "-A", "127.0.0.1", "--log", "stdout"],
  ];
  const zebra = spawn("/usr/lib/frr/zebra", common("zebra", bare), { stdio: "inherit" });
  const deadline = performance.now() + START_MILLISECONDS;
  for (;;) {
    const { status } = await tryCommand([
      "vtysh",
      "--vty_socket",
      FOLDER,
      "-d",
      "zebra",
      "-c",
      "show version",
    ]);
    if (status === 0) break;
    if (performance.now() > deadline)
      throw new LabError("zebra did not come up", "docker compose logs says why");
    await delay(100);
  }
  return [zebra, spawn("/usr/lib/frr/bgpd", common("bgpd", file), { stdio: "inherit" })];
}
