import { formatAddress, parseAddress, parsePrefix, prefixContainsAddress } from "@tandem/wire";
import { describe, expect, it } from "vitest";
import { RouteTable } from "../../src/dataplane/route-table.ts";

const bytes = new Uint8Array(16);
const view = new DataView(bytes.buffer);

function ask(table: RouteTable, address: string): string | undefined {
  const parsed = parseAddress(address)!;
  bytes.set(parsed);
  return table.lookup(view, 0, parsed.length === 4 ? 4 : 6)?.prefix.text;
}

const entry = (prefix: string) => ({ prefix, tunnels: ["t"], source: "static" }) as const;

describe("route table", () => {
  it("finds the longest match in both families", () => {
    const table = new RouteTable();
    const set = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "fd00::/8", "fd00:1::/32"].map(
      entry,
    );
    expect(table.change(set, [], () => undefined)).toBe(true);
    expect(ask(table, "10.1.2.3")).toBe("10.1.2.3/32");
    expect(ask(table, "10.1.2.4")).toBe("10.1.0.0/16");
    expect(ask(table, "10.200.0.1")).toBe("10.0.0.0/8");
    expect(ask(table, "192.0.2.1")).toBe("0.0.0.0/0");
    expect(ask(table, "fd00:1::5")).toBe("fd00:1::/32");
    expect(ask(table, "2001:db8::1")).toBe("::/0");
  });

  it("changes as one, and the cache forgets", () => {
    const table = new RouteTable();
    table.change([entry("10.0.0.0/8")], [], () => undefined);
    expect(ask(table, "10.1.1.1")).toBe("10.0.0.0/8");
    table.change([entry("10.1.0.0/16")], ["10.0.0.0/8"], () => undefined);
    expect(ask(table, "10.1.1.1")).toBe("10.1.0.0/16");
    expect(ask(table, "10.2.1.1")).toBeUndefined();
    expect(table.change([entry("10.3.0.0/16")], ["nonsense"], () => undefined)).toBe(false);
    expect(table.size).toBe(1);
  });

  it("agrees with a search through all prefixes", () => {
    let state = 3;
    const random = (bound: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % bound;
    };
    const address = (six: boolean): Uint8Array =>
      Uint8Array.from({ length: six ? 16 : 4 }, (_, i) => (i < 2 ? random(3) : random(256)));
    const table = new RouteTable();
    const prefixes = Array.from({ length: 500 }, (_, i) => {
      const six = i % 2 === 0;
      return parsePrefix(`${formatAddress(address(six))}/${random(six ? 129 : 33)}`)!;
    });
    table.change(
      prefixes.map((p) => entry(p.text)),
      [],
      () => undefined,
    );
    for (let i = 0; i < 2000; i++) {
      const target = address(i % 2 === 0);
      const best = prefixes
        .filter((p) => prefixContainsAddress(p, target))
        .sort((x, y) => y.length - x.length)[0]?.text;
      expect(ask(table, formatAddress(target))).toBe(best);
    }
  });
});
