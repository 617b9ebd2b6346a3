import { expect, it } from "vitest";
import { hardwareAddress, outsideCommands } from "../../src/netns/outside-interface.ts";

const PUBLIC_IPS = ["192.0.2.10", "2001:db8::10"];

it("derives a MAC address from the set of public IPs, locally administered and unicast", () => {
  const mac = hardwareAddress(PUBLIC_IPS);
  expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  expect(hardwareAddress(PUBLIC_IPS.toReversed())).toBe(mac);
  expect(hardwareAddress(PUBLIC_IPS.slice(1))).not.toBe(mac);
});

it("routes the public IPs past the table local before it puts them on the interface, and announces them last", () => {
  const commands = outsideCommands("edge0", PUBLIC_IPS);
  const place = (line: string) => commands.findIndex((command) => command.startsWith(line));
  for (const [family, ip] of [
    ["-4", "192.0.2.10"],
    ["-6", "2001:db8::10"],
  ] as const) {
    const order = [
      place(`${family} rule add priority 2 lookup local`),
      place(`${family} rule del priority 0 lookup local`),
      place(`${family} rule add priority 1 to ${ip} lookup main`),
      place(`${family} address add ${ip}/`),
      place(`${family} link set dev edge0 address`),
    ];
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order[0]).toBeGreaterThanOrEqual(0);
  }
});

it("leaves a family without public IPs alone", () => {
  expect(outsideCommands("edge0", ["192.0.2.10"]).filter((line) => line.startsWith("-6"))).toEqual([]);
});
