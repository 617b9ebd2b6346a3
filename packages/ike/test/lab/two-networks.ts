/**
 * Where Tandem's engine and strongSwan's charon meet: namespaces of their own, and a router that translates addresses.
 *
 *      ┌ us ───────────────┐  direct 10.90.0.0/24   ┌ them ─────────────┐
 *      │ 10.1.0.1 (lo) .1 ─┼────────────────────────┼─ .2 (lo) 10.2.0.1 │
 *      │                   │        ┌ nat ┐         │                   │
 *      │              .1 ──┼────────┤     ├─────────┼── .2              │
 *      └───────────────────┘ 10.91.0.0/24  10.92.0.0└───────────────────┘
 *
 * 10.1.0.0/16 and 10.2.0.0/16 are the protected networks; only the tunnels lead there.
 */
import { execFileSync } from "node:child_process";

export const US = "10.90.0.1";
export const THEM = "10.90.0.2";
export const US_BY_NAT = "10.91.0.1";
export const THEM_BY_NAT = "10.92.0.2";
/** What each side sees of the other when the router hides it. */
export const NAT_TOWARDS_US = "10.91.0.254";
export const NAT_TOWARDS_THEM = "10.92.0.254";
export const OUR_HOST = "10.1.0.1";
export const THEIR_HOST = "10.2.0.1";
export const THEIR_SECOND_HOST = "10.4.0.1";
export const OUR_HOST_6 = "fd00:1::1";
export const THEIR_HOST_6 = "fd00:2::1";

export class TwoNetworks {
  readonly us: string;
  readonly them: string;
  readonly nat: string;

  constructor(prefix: string) {
    const name = `${prefix}${process.pid}`;
    this.us = `${name}-us`;
    this.them = `${name}-them`;
    this.nat = `${name}-nat`;
    this.#lay();
  }

  #lay(): void {
    for (const netns of [this.us, this.them, this.nat]) {
      ip(`netns add ${netns}`);
      ip(`-n ${netns} link set lo up`);
    }
    this.#cable([this.us, "direct", `${US}/24`], [this.them, "direct", `${THEM}/24`]);
    this.#cable([this.us, "wan", `${US_BY_NAT}/24`], [this.nat, "in", `${NAT_TOWARDS_US}/24`]);
    this.#cable([this.nat, "out", `${NAT_TOWARDS_THEM}/24`], [this.them, "wan", `${THEM_BY_NAT}/24`]);
    ip(`-n ${this.us} route add 10.92.0.0/24 via ${NAT_TOWARDS_US}`);
    ip(`-n ${this.them} route add 10.91.0.0/24 via ${NAT_TOWARDS_THEM}`);
    for (const address of [THEIR_HOST, THEIR_SECOND_HOST])
      ip(`-n ${this.them} address add ${address}/32 dev lo`);
    ip(`-n ${this.them} address add ${THEIR_HOST_6}/128 dev lo`);
    this.run(this.nat, "sysctl -qw net.ipv4.ip_forward=1");
  }

  #cable(a: readonly [string, string, string], b: readonly [string, string, string]): void {
    ip(`link add ${a[1]} netns ${a[0]} type veth peer name ${b[1]} netns ${b[0]}`);
    for (const [netns, device, address] of [a, b]) {
      ip(`-n ${netns} address add ${address} dev ${device}`);
      ip(`-n ${netns} link set ${device} up`);
    }
  }

  /** Hides everything behind the router from the side that `of` names; the mapping is forgotten when called again. */
  hide(of: "us" | "them"): void {
    const device = of === "us" ? "out" : "in";
    this.run(
      this.nat,
      `nft 'flush ruleset; add table ip hide; add chain ip hide post { type nat hook postrouting priority 100; }; ` +
        `add rule ip hide post oifname ${device} masquerade random'`,
    );
  }

  /** The kernel drops an interface's translations when it goes down: the next packet gets another port. */
  forgetMappings(): void {
    for (const device of ["in", "out"]) {
      this.cut(this.nat, device, true);
      this.cut(this.nat, device, false);
    }
  }

  run(netns: string, command: string): string {
    return execFileSync("ip", ["netns", "exec", netns, "sh", "-c", command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** A link that goes nowhere for a while. */
  cut(netns: string, device: string, cut: boolean): void {
    ip(`-n ${netns} link set ${device} ${cut ? "down" : "up"}`);
  }

  close(): void {
    for (const netns of [this.us, this.them, this.nat]) ip(`netns del ${netns}`);
  }
}

function ip(args: string): void {
  execFileSync("ip", args.split(" "), { stdio: ["ignore", "pipe", "pipe"] });
}
