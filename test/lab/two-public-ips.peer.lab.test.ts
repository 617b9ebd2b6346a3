/**
 * An active-active gateway with two public IPs on a real interface, and strongSwan with its userspace ESP and BIRD as the
 * device, with nothing but the printed files: two tunnels, two sessions, traffic both ways, and an instance may be killed.
 *
 * That ESP sends by the first policy that matches, so what it sends takes one tunnel; what it receives comes by both.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OutsideDevice } from "./outside-device.ts";
import { REPOSITORY } from "./user-lab.ts";

const PUBLIC_IPS = ["192.0.2.10", "192.0.2.11"];
const SITE_HOST = "10.51.0.1";
const VNET_HOST = "10.11.0.4";
const device = new OutsideDevice("tp");
const name = device.id;
let outside: string;

const fromVnet = (count: number): string =>
  device.run([
    "ip",
    "netns",
    "exec",
    `${name}.vnet-host`,
    "ping",
    "-q",
    "-c",
    `${count}`,
    "-i",
    "0.2",
    "-W",
    "1",
    SITE_HOST,
  ]).stdout;

/** Every seat at home, a tunnel to each, and a session through each. */
function whole(): boolean {
  const { tunnels, seats, bgpPeers } = device.status(name);
  const sessions = bgpPeers.filter((p) => p.neighbor === "10.52.0.1" && p.state === "Established");
  return (
    seats.every((seat, i) => seat.owner === `gw/IN_${i}`) &&
    tunnels.length === 2 &&
    tunnels.every((t) => t.ike === "ESTABLISHED" && t.children.length > 0) &&
    sessions.length === 2
  );
}

beforeAll(() => {
  const netns = device.addNamespace("device");
  outside = device.addCable("a", netns, "eth0");
  device.ip(netns, "address add 192.0.2.99/24 dev eth0", `address add ${SITE_HOST}/32 dev lo`);
  device.ip(netns, "address add 10.52.0.1/32 dev lo");
});

afterAll(async () => {
  device.run([join(REPOSITORY, "tandem"), "lab", "down", "--name", name]);
  await device.stop();
});

it("both public IPs answer, and a tunnel stands to each", async () => {
  device.tandem(
    ...["gateway", "up", "--name", name, "--outside", outside],
    ...PUBLIC_IPS.flatMap((ip) => ["--public-ip", ip]),
    ...["--device", "office=192.0.2.99,asn=65050,bgp=10.52.0.1,prefix=10.51.0.0/16"],
  );
  for (const ip of PUBLIC_IPS) await device.until(`${ip} answers`, 10, () => device.pings(ip));
  const print = (what: string, ...words: string[]): string =>
    device.tandem("device-config", what, "--name", name, ...words);
  const swanctl = print("to-office", "--format", "swanctl");
  for (const ip of PUBLIC_IPS) expect(swanctl).toContain(`remote_addrs = ${ip}`);
  await device.start({ swanctl, bird: print("office", "--format", "bird", "--tunnel-interface", "ipsec0") });
  await device.until("two tunnels, two sessions", 45, whole);
  expect(device.protocols().match(/BGP .*Established/g)).toHaveLength(2);
  const sas = device.sas();
  for (const child of device.status(name).tunnels.flatMap((t) => t.children)) {
    expect(sas).toContain(`in  ${child.spiOut}`);
    expect(sas).toContain(`out ${child.spiIn}`);
  }
}, 90_000);

it("carries traffic both ways", async () => {
  await device.until("site to VNet", 20, () => device.pings(VNET_HOST, SITE_HOST));
  expect(fromVnet(10)).toMatch(/ 0% packet loss/);
});

it.each(["gw/IN_0", "gw/IN_1"])(
  "%s is killed: traffic is back both ways, and both tunnels in the end",
  async (node) => {
    device.tandem("kill", node, "--name", name);
    await device.until("site to VNet", 60, () => device.pings(VNET_HOST, SITE_HOST));
    device.tandem("restore", node, "--name", name);
    await device.until("all as before", 60, whole);
    await device.until("VNet to site", 20, () => / 0% packet loss/.test(fromVnet(5)));
  },
  150_000,
);
