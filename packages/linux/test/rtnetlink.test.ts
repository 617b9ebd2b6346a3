import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { createArena } from "../src/arena.ts";
import { nexthopDelete, nexthopGroupReplace, nexthopReplace } from "../src/netlink/nexthop.ts";
import { routeReplace } from "../src/netlink/route.ts";
import { RouteNetlink } from "../src/rtnetlink.ts";
import { openTun } from "../src/tun.ts";
import { openUdpSocket } from "../src/udp-socket.ts";
import { inThrowawayNetwork } from "./throwaway-network.ts";

const ip = (...args: string[]): string => execFileSync("ip", args, { encoding: "utf8" }).replace(/\s+/g, " ");

inThrowawayNetwork(import.meta.filename, () => {
  const tun = openTun(createArena(1 << 16), { name: "net%d" });
  const netlink = new RouteNetlink();
  const index = netlink.linkIndex(tun.name);
  netlink.setLink(tun.name, { up: true, mtu: 1400 });

  test("links: up, MTU and names as the kernel has them", () => {
    expect(netlink.links().find((link) => link.name === tun.name)).toMatchObject({
      index,
      mtu: 1400,
      up: true,
    });
    expect(() => netlink.linkIndex("nowhere0")).toThrow(/ENODEV; there is no such interface/);
    expect(() => netlink.setLink(tun.name, { mtu: 10 })).toThrow(/EINVAL; the kernel says: mtu less than/);
  });

  test("links: what a full queue drops is counted", () => {
    netlink.setLink(tun.name, { queueLength: 2 });
    netlink.addAddress({ index, address: "10.8.0.1", prefixLength: 24 });
    const dropped = (): number => netlink.links().find((link) => link.name === tun.name)!.sendDropped;
    const before = dropped();
    const arena = createArena(1 << 20);
    const socket = openUdpSocket(arena, { address: "10.8.0.1", port: 0 });
    const path = socket.createPath("10.8.0.1", "10.8.0.2", 9);
    for (let i = 0; i < 20; i++) expect(socket.send(path, 4096, 100, 0, 0)).toBe(100);
    expect(dropped() - before).toBeGreaterThanOrEqual(18);
    socket.close();
    netlink.deleteAddress({ index, address: "10.8.0.1", prefixLength: 24 });
  });

  test("addresses: added twice is one, IPv6 at once usable, then gone", () => {
    const four = { index, address: "10.9.0.1", prefixLength: 24 };
    const six = { index, address: "fd09::1", prefixLength: 64 };
    for (const address of [four, four, six]) netlink.addAddress(address);
    expect(netlink.addresses()).toEqual(expect.arrayContaining([four, six]));
    expect(ip("-6", "addr", "show", "dev", tun.name)).not.toContain("tentative");
    netlink.deleteAddress(six);
    expect(netlink.addresses()).not.toContainEqual(six);
    expect(() => netlink.deleteAddress(six)).toThrow(/EADDRNOTAVAIL/);
  });

  test("routes: single, equal-cost, unreachable, other table; dumped as they were given", () => {
    netlink.addAddress({ index, address: "fd09::1", prefixLength: 64 });
    const routes = [
      { prefix: "10.1.0.0/16", table: 254, hops: [{ via: "10.9.0.2", interfaceIndex: index }] },
      {
        prefix: "10.2.0.0/16",
        table: 254,
        metric: 7,
        hops: [
          { via: "10.9.0.2", interfaceIndex: index, weight: 1 },
          { via: "10.9.0.3", interfaceIndex: index, weight: 2 },
        ],
      },
      { prefix: "10.3.0.0/16", table: 254, kind: "unreachable" as const, metric: 4000, hops: [] },
      { prefix: "10.4.0.0/16", table: 1000, source: "10.9.0.1", hops: [{ interfaceIndex: index }] },
    ];
    for (const route of routes) netlink.replaceRoute(route);
    for (const route of routes) {
      expect(netlink.routes(4)).toContainEqual({ kind: "unicast", protocol: 84, ...route });
    }
    netlink.replaceRoute({ prefix: "fd10::/64", hops: [{ via: "fd09::2", interfaceIndex: index }] });
    expect(netlink.routes(6).find((route) => route.prefix === "fd10::/64")?.hops).toEqual([
      { via: "fd09::2", interfaceIndex: index },
    ]);
    expect(ip("route", "show", "table", "1000")).toContain("10.4.0.0/16");
    for (const { prefix, table } of routes) netlink.deleteRoute({ prefix, table });
    expect(netlink.routes(4).filter((route) => route.protocol === 84)).toEqual([]);
    expect(() => netlink.deleteRoute({ prefix: "10.1.0.0/16" })).toThrow(/ESRCH/);
    expect(() => netlink.replaceRoute({ prefix: "10.8.0.0/16", hops: [{ via: "172.31.0.1" }] })).toThrow(
      /ENETUNREACH; the kernel says: Nexthop has invalid gateway/,
    );
  });

  test("rules: added, refused twice, removed", () => {
    const rule = {
      family: 4,
      priority: 100,
      inputInterface: tun.name,
      from: "10.4.0.0/16",
      table: 1000,
    } as const;
    netlink.addRule(rule);
    expect(ip("rule")).toContain(`100: from 10.4.0.0/16 iif ${tun.name} lookup 1000`);
    expect(() => netlink.addRule(rule)).toThrow(/EEXIST/);
    netlink.deleteRule(rule);
    expect(ip("rule")).not.toContain("100:");
  });

  test("nexthop groups: routes follow the group; many changes in one call report each", () => {
    const results = netlink.changeAll([
      nexthopReplace({ id: 1, interfaceIndex: index, via: "10.9.0.2" }),
      nexthopReplace({ id: 2, interfaceIndex: index, via: "10.9.0.3" }),
      nexthopReplace({ id: 3, interfaceIndex: index, via: "172.31.0.1" }),
      nexthopGroupReplace({
        id: 10,
        members: [{ id: 1 }, { id: 2, weight: 3 }],
        resilient: { buckets: 64, idleSeconds: 60 },
      }),
      routeReplace({ prefix: "10.5.0.0/16", nexthopId: 10 }),
    ]);
    expect(results.map((result) => result?.code)).toEqual([
      undefined,
      undefined,
      "ENETUNREACH",
      undefined,
      undefined,
    ]);
    expect(ip("nexthop", "show", "id", "10")).toContain(
      "group 1/2,3 type resilient buckets 64 idle_timer 60",
    );
    netlink.change(
      nexthopGroupReplace({ id: 10, members: [{ id: 2 }], resilient: { buckets: 64, idleSeconds: 60 } }),
    );
    expect(ip("route", "show", "10.5.0.0/16")).not.toContain("10.9.0.2");
    netlink.change(nexthopDelete(10));
    expect(netlink.routes(4).some((route) => route.prefix === "10.5.0.0/16")).toBe(false);
  });
});
