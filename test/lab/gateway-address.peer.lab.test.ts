/**
 * How a gateway on a real network is found there: by neighbours that remember it, by neighbours that remember another
 * owner of its public IPs, and never by an address of the lab's own. As root: its interface is a macvlan of the machine's.
 */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { OutsideDevice } from "./outside-device.ts";
import { REPOSITORY } from "./user-lab.ts";

const FAMILIES = [
  { family: "IPv4", publicIp: "192.0.2.10", second: "192.0.2.11", deviceIp: "192.0.2.99", length: 24 },
  {
    family: "IPv6",
    publicIp: "2001:db8:7::10",
    second: "2001:db8:7::11",
    deviceIp: "2001:db8:7::99",
    length: 64,
  },
];
/** Somebody who had the public IP before, and is gone. */
const EARLIER_OWNER = "02:00:00:00:00:01";
const TANDEM = join(REPOSITORY, "tandem");

const device = new OutsideDevice("ga");
const name = device.id;
let netns: string;
let outside: string;

const upWords = (lab: string, publicIp: string, deviceIp: string): string[] => [
  ...["gateway", "up", "--name", lab, "--outside", outside, "--public-ip", publicIp],
  ...["--device", `office=${deviceIp},asn=65050,bgp=10.52.0.1,prefix=10.51.0.0/16`],
];
const down = (lab: string) => device.run([TANDEM, "lab", "down", "--name", lab]);
const neighbours = (): string => device.must(["ip", "-netns", netns, "neigh", "show"]);
const addressOf = (ip: string): string | undefined =>
  neighbours()
    .split("\n")
    .find((line) => line.startsWith(`${ip} `))
    ?.match(/lladdr (\S+)/)?.[1];

beforeAll(() => {
  netns = device.addNamespace("device");
  outside = device.addCable("a", netns, "eth0");
  for (const { deviceIp, length } of FAMILIES) {
    device.ip(netns, `address add ${deviceIp}/${length} dev eth0${length === 64 ? " nodad" : ""}`);
  }
});
afterEach(() => {
  down(name);
});
afterAll(() => device.stop());

it.each(FAMILIES)("is found at once when it comes up again, $family", async ({ publicIp, deviceIp }) => {
  const seen: (string | undefined)[] = [];
  for (let life = 0; life < 2; life++) {
    device.tandem(...upWords(name, publicIp, deviceIp));
    await device.until(`life ${life}: ${publicIp} answers`, 3, () => device.pings(publicIp));
    seen.push(addressOf(publicIp));
    device.tandem("lab", "down", "--name", name);
  }
  expect(seen[1]).toBe(seen[0]);
});

it.each(FAMILIES)(
  "is found at once by a neighbour that remembers another owner, $family",
  async ({ publicIp, second, deviceIp }) => {
    for (const ip of [publicIp, second]) {
      device.ip(netns, `neigh replace ${ip} lladdr ${EARLIER_OWNER} dev eth0 nud reachable`);
    }
    device.tandem(...upWords(name, publicIp, deviceIp), "--public-ip", second);
    for (const ip of [publicIp, second]) {
      await device.until(`${ip} answers`, 3, () => device.pings(ip));
      expect(addressOf(ip)).not.toBe(EARLIER_OWNER);
    }
  },
);

it("asks for its devices as the public IP, not as an address that they do not know", async () => {
  const { publicIp, deviceIp } = FAMILIES[0] ?? expect.fail();
  device.ip(netns, "neigh flush dev eth0");
  device.tandem(...upWords(name, publicIp, deviceIp));
  // It dials by itself: the device learns who asked.
  await device.until("the gateway asked for the device", 10, () => neighbours() !== "");
  const asked = neighbours()
    .split("\n")
    .filter((line) => /^\d/.test(line) && line.includes("lladdr"))
    .map((line) => line.split(" ")[0]);
  expect(asked.filter((ip) => FAMILIES.every((f) => f.publicIp !== ip))).toEqual([]);
});

it("refuses a second gateway with the public IPs of a running one, by name", () => {
  const { publicIp, deviceIp } = FAMILIES[0] ?? expect.fail();
  device.tandem(...upWords(name, publicIp, deviceIp));
  const second = device.run([TANDEM, ...upWords(`${name}b`, publicIp, deviceIp)]);
  down(`${name}b`);
  expect(second.status).not.toBe(0);
  expect(second.stdout + second.stderr).toContain(`same public IPs: ${publicIp}`);
  expect(device.pings(publicIp)).toBe(true);
});
