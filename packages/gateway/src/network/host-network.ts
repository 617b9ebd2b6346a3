/**
 * The kernel's part of an instance: rules and routes that steer packets into the TUN device and keep everything
 * else off the outside link, and the addresses of the seats.
 *
 *      inside ──(rule: iif inside)──▶ table 100: default dev tun ──▶ data plane ──▶ ESP ──▶ outside
 *      tun ────(rule: iif tun)──────▶ main without the outside link, then the last resort, else black hole
 *      outside ─(rule: iif outside)─▶ black hole                            (only local delivery, by table local)
 *      own packets ─ from a public IP or the outside link's address ─▶ main
 *                  └ from anything else (BGP, ICMP errors) ─▶ main without the outside link, then table 100
 *
 * "Without the outside link" is a rule with `suppress_ifgroup`: no route through an interface of that group is used.
 * All of this is state of the kernel, not of the process: when the process dies, its TUN device goes, the unreachable
 * route of table 100 takes over, and still nothing leaves outside in clear (DESIGN §3).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { TUN_RULE_PRIORITY, TUN_TABLE } from "@tandem/contract";
import {
  Errno,
  type InterfaceAddress,
  LinuxError,
  MAIN_TABLE,
  type RouteNetlink,
  type Rule,
} from "@tandem/linux";
import { addressFamily } from "@tandem/wire";
import type { IpCommand } from "./ip-command.ts";

/** Prefixes that only the partner reaches (iBGP), and hosts behind the link to it. */
export const LAST_RESORT_TABLE = 101;
/** BGP neighbours behind a tunnel: their host routes win over whatever `main` has. */
export const NEIGHBOUR_TABLE = 102;
const OUTSIDE_GROUP = 4500;
/** `lo` is the first interface of every network namespace. */
const LOOPBACK = 1;
const RULE = {
  inside: TUN_RULE_PRIORITY,
  insideLastResort: TUN_RULE_PRIORITY - 1,
  partner: 101,
  tunNear: 102,
  tunLastResort: 103,
  tunDrop: 104,
  outsideDrop: 105,
  ownOutside: 110,
  ownNeighbour: 111,
  ownNear: 112,
  ownLastResort: 113,
  ownTun: 114,
} as const;
const FAMILIES = ["-4", "-6"] as const;
/** The worst metric there is: it wins only when nothing else is left in the table. */
const LAST_METRIC = 4_294_967_295;

interface FamilyRule {
  readonly family: "-4" | "-6";
  readonly rule: string;
}

/**
 * Implementation constant. Linux gives a TUN device 500 packets, which a tenth of a second without the worker (a
 * collection of garbage, code not compiled yet, a busy machine) fills at 5,000 packets per second.
 */
const TUN_QUEUE = 4096;

export interface HostNetworkOptions {
  readonly outside: string;
  readonly inside: string;
  readonly tun: string;
  /** Of the TUN device, bytes. */
  readonly mtu: number;
  /** Addresses of the partner and of ourselves on the link between the two instances, when there is one. */
  readonly partner?: string;
  readonly partnerLocal?: string;
  /** BGP addresses of all the gateway's seats, wherever they are. */
  readonly bgpAddresses?: readonly string[];
}

export class HostNetwork {
  readonly #ip: IpCommand;
  readonly #kernel: RouteNetlink;
  readonly #options: HostNetworkOptions;
  readonly #warn: (message: string) => void;
  /** Inner addresses of this host, those of its seats and clients first: sources of what it sends into tunnels. */
  #ownAddresses: string[] = [];
  #insideAddresses: string[] = [];
  #tunIndex = 0;

  /** `ip` is for what is done once at the start; `kernel` for what a failover waits for. */
  constructor(
    ip: IpCommand,
    kernel: RouteNetlink,
    options: HostNetworkOptions,
    warn: (message: string) => void,
  ) {
    this.#ip = ip;
    this.#kernel = kernel;
    this.#options = options;
    this.#warn = warn;
  }

  /** Before the TUN device exists: from here on nothing is forwarded to the outside link. */
  async guard(): Promise<void> {
    const { outside, inside, tun } = this.#options;
    for (const name of [outside, inside]) this.#kernel.linkIndex(name); // says which is missing
    this.#sysctl("net/ipv4/ip_forward", "1");
    this.#sysctl("net/ipv6/conf/all/forwarding", "1");
    for (const name of ["all", "default", outside, inside]) {
      this.#sysctl(`net/ipv4/conf/${name}/rp_filter`, "0");
    }
    await this.#ip.batch([`link set dev ${outside} group ${OUTSIDE_GROUP}`, "link set dev lo up"]);
    const partnerLink = this.#partnerInterface();
    const rules = this.#rules(outside, inside, tun, partnerLink).flatMap((rule) =>
      FAMILIES.map((family) => ({ family, rule })),
    );
    const ownAddresses = await this.#addressesOf(outside);
    for (const address of ownAddresses) rules.push(ownOutside(address));
    await this.#forgetSeats(ownAddresses);
    // A rule may stand from a process that died: deleted first, so that it never stands twice.
    await this.#ip.batch(rules.map(ruleLine("del")), { force: true });
    await this.#ip.batch([
      ...FAMILIES.map(
        (family) => `${family} route replace unreachable default metric ${LAST_METRIC} table ${TUN_TABLE}`,
      ),
      ...rules.map(ruleLine("add")),
    ]);
  }

  /**
   * The seats of a process that was killed: their addresses still stand here, and while they do, whoever has the seats
   * now cannot be reached from here. A public IP is known by its rule.
   */
  async #forgetSeats(ownAddresses: readonly string[]): Promise<void> {
    const rules = (await Promise.all(FAMILIES.map((family) => this.#ip.query([family, "rule", "show"])))) as {
      priority: number;
      src?: string;
    }[][];
    const publicIps = rules
      .flat()
      .filter(({ priority }) => priority === RULE.ownOutside)
      .flatMap(({ src }) => (src === undefined || ownAddresses.includes(src) ? [] : [src]));
    const present = new Set(
      this.#kernel.addresses().flatMap(({ index, address }) => (index === LOOPBACK ? [address] : [])),
    );
    const bgpAddresses = (this.#options.bgpAddresses ?? []).filter((address) => present.has(address));
    this.#removeAddresses(publicIps, bgpAddresses);
  }

  /** When the TUN device is up. */
  steer(): void {
    const { inside, tun, mtu } = this.#options;
    this.#sysctl(`net/ipv4/conf/${tun}/rp_filter`, "0");
    const addresses = this.#kernel.addresses();
    if (inside !== "lo") {
      const index = this.#kernel.linkIndex(inside);
      this.#insideAddresses = addresses
        .filter((one) => one.index === index && !one.address.startsWith("fe80:"))
        .map((one) => one.address);
    }
    this.#kernel.setLink(tun, { up: true, mtu, queueLength: TUN_QUEUE });
    this.#tunIndex = this.#kernel.linkIndex(tun);
    this.#routeIntoTun();
  }

  /** Public IPs and the BGP address go on `lo`: the fabric routes them here, no link owns them. */
  addSeat(publicIps: readonly string[], bgpAddresses: readonly string[]): void {
    for (const address of publicIps)
      this.#try(Errno.EEXIST, () => this.#kernel.addRule(ownOutsideRule(address)));
    for (const address of [...publicIps, ...bgpAddresses])
      this.#kernel.addAddress(hostAddress(LOOPBACK, address));
    this.#ownAddresses.push(...bgpAddresses.filter((address) => !this.#ownAddresses.includes(address)));
    this.#routeIntoTun();
  }

  removeSeat(publicIps: readonly string[], bgpAddresses: readonly string[]): void {
    this.#ownAddresses = this.#ownAddresses.filter((address) => !bgpAddresses.includes(address));
    this.#routeIntoTun();
    this.#removeAddresses(publicIps, bgpAddresses);
  }

  #removeAddresses(publicIps: readonly string[], bgpAddresses: readonly string[]): void {
    for (const address of [...publicIps, ...bgpAddresses]) {
      this.#try(Errno.EADDRNOTAVAIL, () => this.#kernel.deleteAddress(hostAddress(LOOPBACK, address)));
    }
    for (const address of publicIps) {
      this.#try(Errno.ENOENT, () => this.#kernel.deleteRule(ownOutsideRule(address)));
    }
  }

  /** Our own packets to a BGP neighbour behind a tunnel go into the TUN device, whatever `main` says. */
  setNeighbour(address: string, present: boolean): void {
    const route = { prefix: hostPrefix(address), table: NEIGHBOUR_TABLE };
    if (present) this.#kernel.replaceRoute({ ...route, hops: [{ interfaceIndex: this.#tunIndex }] });
    else this.#try(Errno.ESRCH, () => this.#kernel.deleteRoute(route));
  }

  /** An address that a remote gave us stands on the TUN device: our own packets into the tunnel take it as source. */
  setVirtualAddress(address: string, present: boolean): void {
    this.#ownAddresses = this.#ownAddresses.filter((other) => other !== address);
    const onTun = hostAddress(this.#tunIndex, address);
    if (present) {
      this.#kernel.addAddress(onTun);
      this.#ownAddresses.unshift(address);
    }
    this.#routeIntoTun();
    if (!present) this.#try(Errno.EADDRNOTAVAIL, () => this.#kernel.deleteAddress(onTun));
  }

  /** Prefixes that are reached over the partner only. */
  setLastResort(set: readonly string[], remove: readonly string[]): void {
    const { partner } = this.#options;
    if (partner === undefined) return;
    for (const prefix of remove) {
      this.#try(Errno.ESRCH, () => this.#kernel.deleteRoute({ prefix, table: LAST_RESORT_TABLE }));
    }
    for (const prefix of set) {
      if (addressFamily(prefix) !== addressFamily(partner)) continue;
      this.#kernel.replaceRoute({ prefix, table: LAST_RESORT_TABLE, hops: [{ via: partner }] });
    }
  }

  /** A BGP neighbour that is the partner's seat: reached over the link between the two. */
  setPartnerNeighbour(address: string): void {
    const { partner } = this.#options;
    if (partner === undefined || partner === address || addressFamily(partner) !== addressFamily(address))
      return;
    this.#kernel.replaceRoute({
      prefix: hostPrefix(address),
      table: NEIGHBOUR_TABLE,
      hops: [{ via: partner }],
    });
  }

  #rules(outside: string, inside: string, tun: string, partnerLink: string | undefined): string[] {
    const near = `lookup main suppress_ifgroup ${OUTSIDE_GROUP}`;
    // A client has nobody behind it: its inside is the loopback, and its own packets take the rules of `iif lo`.
    const rules = [
      ...(inside === "lo" ? [] : [`pref ${RULE.inside} iif ${inside} lookup ${TUN_TABLE}`]),
      `pref ${RULE.tunNear} iif ${tun} ${near}`,
      `pref ${RULE.tunDrop} iif ${tun} blackhole`,
      `pref ${RULE.outsideDrop} iif ${outside} blackhole`,
      `pref ${RULE.ownNeighbour} iif lo lookup ${NEIGHBOUR_TABLE}`,
      `pref ${RULE.ownNear} iif lo ${near}`,
      `pref ${RULE.ownTun} iif lo lookup ${TUN_TABLE}`,
    ];
    if (partnerLink !== undefined) {
      rules.push(
        `pref ${RULE.insideLastResort} iif ${inside} lookup ${LAST_RESORT_TABLE}`,
        // What the partner sends comes from its VNet side or its tunnels: our tunnels, or our inside; never back.
        `pref ${RULE.partner} iif ${partnerLink} ${near}`,
        `pref ${RULE.partner} iif ${partnerLink} lookup ${TUN_TABLE}`,
        `pref ${RULE.tunLastResort} iif ${tun} lookup ${LAST_RESORT_TABLE}`,
        `pref ${RULE.ownLastResort} iif lo lookup ${LAST_RESORT_TABLE}`,
      );
    }
    return rules;
  }

  /**
   * What this host itself sends into a tunnel takes an inner address as its source. Left to itself the kernel might
   * choose a public IP, and packets from there may use the outside link.
   */
  #routeIntoTun(): void {
    for (const family of [4, 6] as const) {
      const source = [...this.#ownAddresses, ...this.#insideAddresses].find(
        (address) => addressFamily(address) === family,
      );
      this.#kernel.replaceRoute({
        prefix: family === 4 ? "0.0.0.0/0" : "::/0",
        table: TUN_TABLE,
        metric: 1,
        hops: [{ interfaceIndex: this.#tunIndex }],
        ...(source === undefined ? {} : { source }),
      });
    }
  }

  /** What is there already, or gone already, is as good as done. */
  #try(tolerated: number, change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof LinuxError) || error.errno !== tolerated) throw error;
    }
  }

  /** By our own address on it, so that a link that is down at the moment is found too. */
  #partnerInterface(): string | undefined {
    const { partnerLocal } = this.#options;
    if (partnerLocal === undefined) return undefined;
    const index = this.#kernel.addresses().find((one) => one.address === partnerLocal)?.index;
    const name = this.#kernel.links().find((link) => link.index === index)?.name;
    if (name === undefined)
      this.#warn(`no interface has ${partnerLocal}: the link to the partner is missing`);
    return name;
  }

  async #addressesOf(name: string): Promise<string[]> {
    const found = (await this.#ip.query(["address", "show", "dev", name])) as {
      addr_info?: { local?: string; scope?: string }[];
    }[];
    return (found[0]?.addr_info ?? [])
      .filter((info) => info.scope === "global" && info.local !== undefined)
      .map((info) => info.local!);
  }

  #sysctl(path: string, value: string): void {
    const file = `/proc/sys/${path}`;
    try {
      if (readFileSync(file, "utf8").trim() !== value) writeFileSync(file, value);
    } catch (error) {
      this.#warn(`cannot set ${path} to ${value}: ${(error as Error).message}`);
    }
  }
}

/** Answers from an address of the outside link or a seat may use the outside link: IKE, ESP, and answers to pings. */
const ownOutside = (address: string): FamilyRule => ({
  family: familyFlag(address),
  rule: `pref ${RULE.ownOutside} iif lo from ${address} lookup main`,
});

const ruleLine =
  (verb: "add" | "del") =>
  ({ family, rule }: FamilyRule): string =>
    `${family} rule ${verb} ${rule}`;

const familyFlag = (address: string): "-4" | "-6" => (addressFamily(address) === 4 ? "-4" : "-6");

const ownOutsideRule = (address: string): Rule => ({
  family: addressFamily(address),
  priority: RULE.ownOutside,
  inputInterface: "lo",
  from: hostPrefix(address),
  table: MAIN_TABLE,
});

const hostPrefix = (address: string): string => `${address}/${addressFamily(address) === 4 ? 32 : 128}`;

const hostAddress = (index: number, address: string): InterfaceAddress => ({
  index,
  address,
  prefixLength: addressFamily(address) === 4 ? 32 : 128,
});
