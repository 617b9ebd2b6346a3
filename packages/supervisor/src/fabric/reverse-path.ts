/**
 * What comes in must be from where it would be sent back to (RFC 3704 §2.2): strict reverse-path filtering of IPv4, which
 * follows a seat's route in the same instant in which it changes.
 *
 * The kernel's own filter is switched on per interface. Where /proc/sys cannot be written (a container), an nftables
 * rule asks the same question of the same routes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { runNft } from "./seat-filter.ts";

const TABLE = "tandem_reverse_path";

/** Resolves to what is not filtered and why, or undefined when all of it is. */
export async function strictReversePath(interfaces: readonly string[]): Promise<string | undefined> {
  const open = interfaces.filter((name) => !kernelFilters(name));
  if (open.length === 0) return undefined;
  const complaint = await runNft(reversePathRules(open));
  return complaint === undefined
    ? undefined
    : `neither rp_filter nor nftables (${complaint}) can be used: forged IPv4 sources on ${open.join(", ")} are not dropped`;
}

/** `fib saddr . iif oif`: the interface towards the packet's source, among routes through the one it came by. */
export function reversePathRules(interfaces: readonly string[]): string {
  return [
    `add table ip ${TABLE}`,
    `delete table ip ${TABLE}`,
    `table ip ${TABLE} {`,
    `  set interfaces { type ifname; elements = { ${interfaces.map((name) => `"${name}"`).join(", ")} }; }`,
    "  counter forged { }",
    "  chain reverse_path {",
    "    type filter hook prerouting priority raw; policy accept;",
    "    iifname @interfaces fib saddr . iif oif missing counter name forged drop",
    "  }",
    "}",
  ].join("\n");
}

function kernelFilters(name: string): boolean {
  const path = `/proc/sys/net/ipv4/conf/${name}/rp_filter`;
  try {
    writeFileSync(path, "1");
    return true;
  } catch {
    return valueAt(path) === "1";
  }
}

function valueAt(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
