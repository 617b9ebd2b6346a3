import { expect, test } from "vitest";
import { endsOf } from "../../src/container/container-network.ts";
import { containerLinks, tunnelParts } from "../../src/container/device-parts.ts";
import { locateLabFile, readLabSource } from "../../src/lab-source.ts";

const planOf = (topology: string, deviceKind: "tandem" | "strongswan") =>
  readLabSource(locateLabFile(topology), "/run/tandem", { deviceKind }).plan;

test("a strongSwan device with several tunnels has a container for each, cabled to its own twice", () => {
  const plan = planOf("dual-redundancy", "strongswan");
  expect(tunnelParts(plan).map(({ name }) => name)).toEqual([
    "device1/t0",
    "device1/t1",
    "device2/t0",
    "device2/t1",
  ]);
  const cables = containerLinks(plan).slice(plan.links.length);
  expect(cables.map(({ a, b }) => `${a.node} ${a.interface} - ${b.node} ${b.interface}`).slice(0, 4)).toEqual(
    [
      "device1/t0 outer - device1 o0",
      "device1/t0 inner - device1 i0",
      "device1/t1 outer - device1 o1",
      "device1/t1 inner - device1 i1",
    ],
  );
});

test("no two interfaces have the same Docker address, and no network more than two", () => {
  const plan = planOf("dual-redundancy", "strongswan");
  const names = [...plan.nodes.map(({ name }) => name), ...tunnelParts(plan).map(({ name }) => name)];
  const addresses = names.flatMap((name) => endsOf(plan, name, "10.213").map((end) => end.dockerAddress));
  expect(addresses).toHaveLength(2 * containerLinks(plan).length);
  expect(new Set(addresses).size).toBe(addresses.length);
});

test("one tunnel, or a device of ours: nothing beside the plan's own", () => {
  for (const plan of [planOf("active-standby", "strongswan"), planOf("dual-redundancy", "tandem")]) {
    expect(tunnelParts(plan)).toEqual([]);
    expect(containerLinks(plan)).toEqual(plan.links);
  }
});
