/** IPv4 and IPv6, inside and outside, as IP protocol 50 and in UDP: every combination carries small and full packets, and TCP. */
import type { LabFileInput } from "@tandem/contract";
import { afterEach, expect, it } from "vitest";
import { iperf3, SITE_HOST, siteToSite, UserLab, VNET_HOST } from "./user-lab.ts";

const VNET_HOST_6 = "fd00:11::4";
const SITE_HOST_6 = "fd00:51::4";
/** The tunnel's MTU of 1,400 without the headers of IP and ICMP. */
const FULL_PING = { 4: 1372, 6: 1352 } as const;

type Loose = Record<string, unknown>;

function dualStack(outside: 4 | 6, encapsulation: "esp" | "udp"): LabFileInput {
  return siteToSite((file) => {
    const [vnet] = file.virtualNetworks;
    const [lng] = file.localNetworkGateways!;
    const [device] = file.tandem!.devices!;
    vnet!.properties.addressSpace.addressPrefixes.push("fd00:11::/48");
    vnet!.properties.subnets![0]!.properties = { addressPrefixes: ["10.11.0.0/24", "fd00:11::/64"] };
    lng!.properties.localNetworkAddressSpace!.addressPrefixes!.push("fd00:51::/48");
    Object.assign(file.tandem!, {
      hosts: [
        { name: "vnet1-host", virtualNetwork: "vnet1", addresses: [VNET_HOST, VNET_HOST_6] },
        { name: "onprem-host", site: "onprem", addresses: [SITE_HOST, SITE_HOST_6] },
      ],
      options: { encapsulation },
    });
    if (outside === 4) return;
    Object.assign(file.publicIPAddresses[0]!.properties as Loose, {
      ipAddress: "2001:db8:203::10",
      publicIPAddressVersion: "IPv6",
    });
    lng!.properties.gatewayIpAddress = "2001:db8:198::10";
    device!.publicIpAddress = "2001:db8:198::10";
  });
}

let lab: UserLab;
afterEach(async () => {
  await lab?.down();
});

it.each([
  [4, "esp"],
  [4, "udp"],
  [6, "esp"],
  [6, "udp"],
] as const)("outside IPv%i, %s", async (outside, encapsulation) => {
  lab = new UserLab();
  await lab.up(dualStack(outside, encapsulation));
  for (const [family, there, back] of [
    [4, SITE_HOST, VNET_HOST],
    [6, SITE_HOST_6, VNET_HOST_6],
  ] as const) {
    for (const size of [1, 56, FULL_PING[family]]) {
      for (const [from, to] of [
        ["vnet1-host", there],
        ["onprem-host", back],
      ] as const) {
        const said = await lab.exec(from, ["ping", "-c", "1", "-W", "2", "-s", String(size), to]);
        expect(said.status, `${size} bytes to ${to}: ${said.stdout}`).toBe(0);
      }
    }
    expect(await iperf3(lab, "vnet1-host", "onprem-host", there)).toBeGreaterThan(5);
  }
  const tunnel = await lab.tunnel();
  expect(tunnel.localHost?.includes(":")).toBe(outside === 6);
  expect(tunnel.children[0]?.encapsulated).toBe(encapsulation === "udp");
});
