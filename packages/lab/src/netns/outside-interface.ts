/**
 * The interface by which real devices reach the public IPs: a macvlan on a network of the machine. Behind it the public
 * IPs are routed to the instances, so it answers for them by proxy; towards the network it has to pass for their owner:
 *
 *   - its MAC address follows from the public IPs: a gateway that comes up again is where its neighbours remember it
 *   - they are announced when it comes up (RFC 5227 §2.3, RFC 4861 §7.2.6): a neighbour that remembers another owner, and a
 *     switch that remembers another port, learn at once
 *   - its own ARP requests name a public IP as their sender: routers drop requests from a foreign network
 *
 * The last two are what the kernel does for addresses of an interface. So the public IPs are put on it, and a rule before
 * the table `local` keeps their packets on the way to the instances.
 */
import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { LabError, reasonOf } from "../lab-error.ts";
import type { Realm } from "./realm.ts";

export interface OutsideLayout {
  readonly netns: string;
  readonly interface: string;
  /** In the machine's own namespace. */
  readonly parent: string;
  /** The public IPs. */
  readonly answersFor: readonly string[];
}

/** A namespace that was deleted a moment ago keeps its interfaces, and their MAC addresses, until the kernel gets to it. */
const RELEASE_MS = 5_000;
const RETRY_MS = 50;
const PUBLIC_IP_PRIORITY = 1;
const LOCAL_PRIORITY = 2;

/** Made and up, before its namespace is configured. */
export async function addOutside(realm: Realm, outside: OutsideLayout): Promise<void> {
  if (realm.kind !== "root") {
    throw new LabError("a gateway on a real network needs root", "run it with sudo, or simulate the devices");
  }
  const { netns, parent, answersFor } = outside;
  const mac = hardwareAddress(answersFor);
  const words = `link add link ${parent} name ${outside.interface} netns ${netns} address ${mac} type macvlan mode bridge`;
  try {
    await realm.run(["ip", ...words.split(" ")]);
  } catch (error) {
    throw new LabError(
      `interface ${parent} cannot carry the gateway: ${reasonOf(error)}`,
      "name an Ethernet interface of this machine that is up (ip link); wireless and loopback cannot",
    );
  }
  await switchOn(realm, outside, performance.now() + RELEASE_MS);
}

async function switchOn(realm: Realm, outside: OutsideLayout, deadline: number): Promise<void> {
  const { netns, parent, answersFor } = outside;
  for (;;) {
    try {
      await realm.run(["ip", "-netns", netns, "link", "set", "dev", outside.interface, "up"]);
      return;
    } catch (error) {
      if (!/busy|in use/i.test(reasonOf(error))) throw error;
      if (performance.now() > deadline) {
        throw new LabError(
          `another gateway on ${parent} has the same public IPs: ${answersFor.join(", ")}`,
          "take it down (tandem lab list, tandem lab down --name NAME), or give this one other public IPs",
        );
      }
      await delay(RETRY_MS);
    }
  }
}

/** Locally administered, unicast; the same for the same public IPs in any order, and another for any other set. */
export function hardwareAddress(publicIps: readonly string[]): string {
  const digest = createHash("sha256")
    .update([...publicIps].sort().join(" "))
    .digest("hex");
  return ["02", ...(digest.match(/../g) ?? []).slice(0, 5)].join(":");
}

export function outsideSysctls(name: string): Record<string, string> {
  return {
    // The kernel waits up to 0.8 s before it answers for somebody else.
    [`net.ipv4.neigh.${name}.proxy_delay`]: "0",
    [`net.ipv6.neigh.${name}.proxy_delay`]: "0",
    [`net.ipv4.conf.${name}.arp_notify`]: "1",
    [`net.ipv6.conf.${name}.ndisc_notify`]: "1",
    // Both: the second lets in answers to its own solicitations, which the proxied addresses are the source of.
    [`net.ipv6.conf.${name}.proxy_ndp`]: "1",
    "net.ipv6.conf.all.proxy_ndp": "1",
  };
}

/** For a namespace that already routes the public IPs: an announcement says that they can be reached. */
export function outsideCommands(name: string, publicIps: readonly string[]): string[] {
  // The kernel announces an interface's addresses whenever its MAC address is set, be it to what it was.
  const announce = `link set dev ${name} address ${hardwareAddress(publicIps)}`;
  const [ipv6, ipv4] = [publicIps.filter((ip) => isIPv6(ip)), publicIps.filter((ip) => !isIPv6(ip))];
  return [
    ...(ipv4.length > 0 ? localLast("-4") : []),
    ...(ipv6.length > 0 ? localLast("-6") : []),
    ...ipv4.flatMap((ip) => passFor("-4", name, ip, `${ip}/32`)),
    ...ipv6.flatMap((ip) => passFor("-6", name, ip, `${ip}/128`, " nodad noprefixroute")),
    ...(ipv4.length > 0 ? [`-4 ${announce}`] : []),
    ...(ipv6.length > 0 ? [`-6 ${announce}`] : []),
  ];
}

function passFor(family: string, name: string, ip: string, address: string, flags = ""): string[] {
  return [
    `${family} neighbor add proxy ${ip} dev ${name}`,
    `${family} rule add priority ${PUBLIC_IP_PRIORITY} to ${ip} lookup main`,
    `${family} address add ${address} dev ${name}${flags}`,
  ];
}

/** The rule for the table `local` comes first by itself; the public IPs are to be found before it. */
function localLast(family: string): string[] {
  return [
    `${family} rule add priority ${LOCAL_PRIORITY} lookup local`,
    `${family} rule del priority 0 lookup local`,
  ];
}
