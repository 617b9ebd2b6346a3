/**
 * Four namespaces in a row, for throughput:
 *
 *      host1 ── in0 │ gw1 │ out0 ──── out0 │ gw2 │ in0 ── host2
 *      10.61.1.2     .1   198.18.0.1   .2         10.61.2.1    .2        (and fd61:…)
 *
 * Addresses outside are from 198.18.0.0/15 (RFC 2544, benchmarks).
 */
import { runCommand, tryCommand } from "../process/run-command.ts";

export type Place = "h1" | "g1" | "g2" | "h2";

export const ADDRESS = {
  h1: { 4: "10.61.1.2", 6: "fd61:1::2" },
  h2: { 4: "10.61.2.2", 6: "fd61:2::2" },
  g1: { 4: "198.18.0.1", 6: "fd61:f::1" },
  g2: { 4: "198.18.0.2", 6: "fd61:f::2" },
} as const;

/** What lies behind each gateway. */
export const BEHIND = {
  g1: { 4: "10.61.1.0/24", 6: "fd61:1::/64" },
  g2: { 4: "10.61.2.0/24", 6: "fd61:2::/64" },
} as const;

const PLACES: readonly Place[] = ["h1", "g1", "g2", "h2"];

export class BenchNetwork {
  readonly #prefix = `tandem-bench-${process.pid}`;

  name(place: Place): string {
    return `${this.#prefix}-${place}`;
  }

  /** Command line that runs `argv` in a place. */
  in(place: Place, argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.name(place), ...argv];
  }

  async up(): Promise<void> {
    for (const place of PLACES) {
      await runCommand(["ip", "netns", "add", this.name(place)]);
      await this.#ip(place, "link set lo up");
    }
    await this.#link("h1", "eth0", "g1", "in0");
    await this.#link("g1", "out0", "g2", "out0");
    await this.#link("h2", "eth0", "g2", "in0");
    await this.#address("h1", "eth0", `${ADDRESS.h1[4]}/24`, `${ADDRESS.h1[6]}/64`);
    await this.#address("g1", "in0", "10.61.1.1/24", "fd61:1::1/64");
    await this.#address("g1", "out0", `${ADDRESS.g1[4]}/24`, `${ADDRESS.g1[6]}/64`);
    await this.#address("g2", "out0", `${ADDRESS.g2[4]}/24`, `${ADDRESS.g2[6]}/64`);
    await this.#address("g2", "in0", "10.61.2.1/24", "fd61:2::1/64");
    await this.#address("h2", "eth0", `${ADDRESS.h2[4]}/24`, `${ADDRESS.h2[6]}/64`);
    for (const gateway of ["g1", "g2"] as const) {
      await runCommand(
        this.in(gateway, ["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]),
      );
    }
    await this.#ip("h1", "route add default via 10.61.1.1");
    await this.#ip("h1", "-6 route add default via fd61:1::1");
    await this.#ip("h2", "route add default via 10.61.2.1");
    await this.#ip("h2", "-6 route add default via fd61:2::1");
  }

  /** Routes to the far host's network: through a device of each gateway, or straight across the outside link. */
  async routeVia(devices: { readonly g1: string; readonly g2: string } | undefined): Promise<void> {
    for (const [place, far, peer] of [
      ["g1", "g2", ADDRESS.g2],
      ["g2", "g1", ADDRESS.g1],
    ] as const) {
      for (const family of [4, 6] as const) {
        const via = devices === undefined ? `via ${peer[family]} dev out0` : `dev ${devices[place]}`;
        await this.#ip(place, `-${family} route replace ${BEHIND[far][family]} ${via}`);
      }
    }
  }

  async unroute(): Promise<void> {
    for (const [place, far] of [
      ["g1", "g2"],
      ["g2", "g1"],
    ] as const) {
      for (const family of [4, 6] as const) {
        await tryCommand(["ip", "-n", this.name(place), `-${family}`, "route", "del", BEHIND[far][family]]);
      }
    }
  }

  /** Segmentation and receive offloads of the outside link, so that no super-packet crosses it whole when off. */
  async outsideOffload(on: boolean): Promise<void> {
    const state = on ? "on" : "off";
    for (const place of ["g1", "g2"] as const) {
      const features = ["tso", "gso", "gro", "tx-udp-segmentation"].flatMap((name) => [name, state]);
      await runCommand(this.in(place, ["ethtool", "-K", "out0", ...features]));
    }
  }

  async down(): Promise<void> {
    for (const place of PLACES) await tryCommand(["ip", "netns", "del", this.name(place)]);
  }

  async #link(a: Place, aName: string, b: Place, bName: string): Promise<void> {
    await this.#ip(a, `link add ${aName} type veth peer name ${bName} netns ${this.name(b)}`);
  }

  async #address(place: Place, device: string, v4: string, v6: string): Promise<void> {
    await this.#ip(place, `addr add ${v4} dev ${device}`);
    await this.#ip(place, `addr add ${v6} dev ${device} nodad`);
    await this.#ip(place, `link set ${device} up`);
  }

  async #ip(place: Place, command: string): Promise<void> {
    await runCommand(["ip", "-n", this.name(place), ...command.split(" ")]);
  }
}
