/** `gateway up`: the pair on a real network. The options become a lab file with external devices, which is kept and can be edited. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  bringUp,
  checkLabName,
  followEvents,
  isAlive,
  LabError,
  labProcesses,
  labStatus,
  readLabSource,
  readProcesses,
  reasonOf,
  stateFolder,
  stateRoot,
  tearDown,
  writeHealthNote,
} from "@tandem/lab";
import { type GatewayFile, gatewayFile, type RealDevice } from "../real-device/gateway-file.ts";
import { print, printJsonLine, progress } from "../render/output.ts";
import { durationValue, flag, oneOf, stringValue, UsageError, type Verb } from "../verb.ts";

const SEATED_MILLISECONDS = 15_000;
const LOOK_MILLISECONDS = 500;

export const verb: Verb = {
  usage: "gateway up --outside IFACE --public-ip A [--public-ip B] --device NAME=IP[,...] [options]",
  about: `Puts a gateway pair on a network of this machine (as root): its public IPs answer there, on UDP 500 and 4500 and
IP protocol 50. One public IP gives an active-standby gateway, two an active-active one. The devices are yours.
Each --device is NAME=IP with any of ,asn=N ,bgp=IP ,prefix=P (repeatable) ,psk=KEY (default: made up).
"device-config NAME --format swanctl|bird|frr" then prints the matching configuration. "lab down --name NAME" ends it.
The options are written down as a lab file, whose path is printed; edit it and use "lab up FILE" for everything else.`,
  mostWords: 0,
  options: {
    name: { type: "string", value: "NAME", about: "the gateway's and lab's name (default: gateway)" },
    outside: {
      type: "string",
      value: "IFACE",
      about: "the interface of this machine that devices are reached through",
    },
    "public-ip": { type: "string", multiple: true, value: "IP", about: "address of a seat; once or twice" },
    "next-hop": {
      type: "string",
      value: "IP",
      about: "router on that network (without it devices must be neighbours)",
    },
    "outside-address": {
      type: "string",
      value: "IP/LEN",
      about: "an address of the fabric's own on that network",
    },
    device: { type: "string", multiple: true, value: "NAME=IP,...", about: "a VPN device" },
    vnet: {
      type: "string",
      multiple: true,
      value: "PREFIX",
      about: "address space of the VNet (default 10.11.0.0/16)",
    },
    asn: { type: "string", value: "N", about: "the gateway's AS (default 65515)" },
    profile: { type: "string", value: "fast|hitless|azure", about: "the clock of a failover" },
    timeout: {
      type: "string",
      value: "SECONDS",
      about: "wait so long for the devices (default: do not wait)",
    },
    foreground: {
      type: "boolean",
      about: "stay, print every event as a line of JSON, and take the gateway down when told to end",
    },
    "dry-run": { type: "boolean", about: "print the lab file and stop" },
  },
  examples: [
    "sudo ./tandem gateway up --outside eth0 --public-ip 192.0.2.10 --public-ip 192.0.2.11 --device office=192.0.2.99,asn=65050,bgp=10.52.0.1",
  ],
  async run(invocation) {
    if (invocation.positionals.length > 0) throw new UsageError(`${invocation.positionals[0]}: not expected`);
    const outside = stringValue(invocation, "outside");
    if (outside === undefined) throw new UsageError("--outside IFACE is missing");
    const publicIps = listOf(invocation.values["public-ip"]);
    if (publicIps.length < 1 || publicIps.length > 2)
      throw new UsageError("--public-ip is expected once or twice");
    const given = listOf(invocation.values.device).map(parseDevice);
    if (given.length === 0) throw new UsageError("--device NAME=IP is missing");
    const name = stringValue(invocation, "name") ?? "gateway";
    checkLabName(name);
    const profile = oneOf(invocation, "profile", ["fast", "hitless", "azure"]);
    const nextHop = stringValue(invocation, "next-hop");
    const address = stringValue(invocation, "outside-address");
    const vnet = listOf(invocation.values.vnet);
    const folder = join(stateRoot(), "gateways");
    const path = join(folder, `${name}.json`);
    const devices = withKeptKeys(given, path);
    const file = gatewayFile({
      name,
      outside: {
        interface: outside,
        ...(nextHop === undefined ? {} : { nextHop }),
        ...(address === undefined ? {} : { address }),
      },
      publicIps,
      devices,
      vnetPrefixes: vnet.length > 0 ? vnet : ["10.11.0.0/16"],
      asn: Number(stringValue(invocation, "asn") ?? 65515),
      ...(profile === undefined ? {} : { profile }),
    });
    const text = `${JSON.stringify(file, null, 2)}\n`;
    if (flag(invocation, "dry-run")) {
      print(text.trimEnd());
      return 0;
    }
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
    const lab = stateFolder(name);
    const waitMilliseconds = durationValue(invocation, "timeout", 0);
    const result = await bringUp(lab, readLabSource(path, lab.root, { name }), {
      onStep: progress,
      waitMilliseconds,
      keepGoing: true,
      mayInstall: false,
    });
    if (waitMilliseconds === 0) await untilSeated(lab);
    print(`gateway "${name}" answers as ${publicIps.join(" and ")} on ${outside}; its lab file is ${path}`);
    for (const device of devices)
      print(`  ./tandem device-config ${device.name} --name ${name} --format swanctl`);
    if (flag(invocation, "foreground")) {
      writeHealthNote(join(lab.root, "health.json"), result.plan);
      return await untilToldToEnd(lab);
    }
    return result.status === undefined || result.status.ready ? 0 : 1;
  },
};

/** The devices may come later; the public IPs must answer now. */
async function untilSeated(lab: ReturnType<typeof stateFolder>): Promise<void> {
  const deadline = performance.now() + SEATED_MILLISECONDS;
  for (;;) {
    const { seats } = await labStatus(lab);
    const without = seats.filter(({ owner }) => owner === null);
    if (without.length === 0) return;
    if (performance.now() > deadline) {
      throw new LabError(
        `no instance has taken ${without.map((seat) => seat.name).join(" and ")}`,
        `./tandem lab logs gw/IN_0 --name ${lab.name}`,
      );
    }
    await delay(50);
  }
}

/** For containers and service managers. A supervisor that has ended ends this too: whoever started it starts it again. */
async function untilToldToEnd(lab: ReturnType<typeof stateFolder>): Promise<number> {
  const unfollow = followEvents(labProcesses(lab), printJsonLine);
  const told = new Promise<0>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(0));
  });
  const orphaned = async (): Promise<1> => {
    while (supervisorLives(lab)) await delay(LOOK_MILLISECONDS);
    return 1;
  };
  const status = await Promise.race([told, orphaned()]);
  unfollow();
  progress(status === 0 ? "ending: peers are told" : "the supervisor has ended: so does the gateway");
  await tearDown(lab);
  return status;
}

const supervisorLives = (lab: ReturnType<typeof stateFolder>): boolean =>
  readProcesses(lab).some(({ role, identity }) => role === "supervisor" && isAlive(identity));

/** A device without psk= keeps the key that it was given when a gateway of this name was brought up before. */
function withKeptKeys(devices: readonly RealDevice[], path: string): RealDevice[] {
  const kept = existsSync(path) ? readKept(path) : undefined;
  return devices.map((device) => {
    const connection = kept?.connections?.find(({ name }) => name === `to-${device.name}`);
    const psk = device.psk ?? connection?.properties?.sharedKey;
    return psk === undefined ? device : { ...device, psk };
  });
}

function readKept(path: string): GatewayFile {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as GatewayFile;
  } catch (error) {
    throw new LabError(
      `${path}, which holds the keys of the gateway as it was, cannot be read: ${reasonOf(error)}`,
      "mend it, or remove it and give each --device its psk=",
    );
  }
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** `office=192.0.2.99,asn=65050,bgp=10.52.0.1,prefix=10.51.0.0/16,psk=...` */
function parseDevice(text: string): RealDevice {
  const [first = "", ...rest] = text.split(",");
  const [name, publicIp] = split(first, text);
  const device: { -readonly [K in keyof RealDevice]: RealDevice[K] } = { name, publicIp, prefixes: [] };
  for (const part of rest) {
    const [key, value] = split(part, text);
    if (key === "asn") device.asn = Number(value);
    else if (key === "bgp") device.bgpIp = value;
    else if (key === "psk") device.psk = value;
    else if (key === "prefix") device.prefixes = [...device.prefixes, value];
    else throw new UsageError(`--device ${text}: "${key}" is not known; asn, bgp, prefix, psk are`);
  }
  if ((device.asn === undefined) !== (device.bgpIp === undefined)) {
    throw new UsageError(`--device ${text}: BGP needs both asn= and bgp=`);
  }
  if (device.asn === undefined && device.prefixes.length === 0) {
    throw new UsageError(`--device ${text}: without BGP, prefix= must say what is behind it`);
  }
  return device;
}

function split(part: string, whole: string): [string, string] {
  const at = part.indexOf("=");
  if (at < 1 || at === part.length - 1)
    throw new UsageError(`--device ${whole}: "${part}" is not NAME=VALUE`);
  return [part.slice(0, at), part.slice(at + 1)];
}
