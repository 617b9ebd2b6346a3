import { expect, test } from "vitest";
import { checkedLinks } from "../../src/container/container-network.ts";
import { locateLabFile, readLabSource } from "../../src/lab-source.ts";

const plan = readLabSource(locateLabFile("dual-redundancy"), "/run/tandem", {}).plan;
const interfacesOf = (node: string): string[] =>
  checkedLinks(plan, node, "10.213").map((link) => link.interface);

test("every link of an instance is asked about, with the plan's addresses and Docker's", () => {
  expect(interfacesOf("gw/IN_0")).toEqual(["partner", "out", "in"]);
  expect(checkedLinks(plan, "onprem-host", "10.213")).toEqual([
    { interface: "eth0", own: "10.51.0.4", peer: "10.51.0.1", peerDocker: "10.213.8.3" },
  ]);
});

test("nobody asks about a link between a VNet's host and the fabric, which never answers there", () => {
  expect(interfacesOf("vnet1-host")).toEqual([]);
  expect(interfacesOf("fabric")).toEqual(["g0out0", "g0in0", "g0out1", "g0in1", "dev0", "dev1", "sup"]);
});
