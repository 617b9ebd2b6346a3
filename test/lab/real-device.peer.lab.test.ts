/**
 * docs/real-device.md as a test: strongSwan and BIRD in a namespace that knows nothing of the lab, joined to it by one
 * Ethernet cable, and configured with nothing but the files that `tandem device-config` prints.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OutsideDevice } from "./outside-device.ts";
import { REPOSITORY } from "./user-lab.ts";

const PUBLIC_IP = "192.0.2.10";
const SITE_HOST = "10.51.0.1";
const device = new OutsideDevice("rd");
const name = device.id;
let outside: string;

beforeAll(() => {
  const netns = device.addNamespace("device");
  outside = device.addCable("a", netns, "eth0");
  device.ip(netns, "address add 192.0.2.99/24 dev eth0");
  device.ip(netns, "address add 10.52.0.1/32 dev lo", `address add ${SITE_HOST}/32 dev lo`);
});

afterAll(async () => {
  device.run([join(REPOSITORY, "tandem"), "lab", "down", "--name", name]);
  await device.stop();
});

it("answers on a real interface for its public IP", async () => {
  device.tandem(
    ...["gateway", "up", "--name", name, "--outside", outside, "--public-ip", PUBLIC_IP],
    ...["--device", "office=192.0.2.99,asn=65050,bgp=10.52.0.1,prefix=10.51.0.0/16"],
  );
  await device.until("the public IP answers", 10, () => device.pings(PUBLIC_IP));
});

function printed() {
  const print = (what: string, ...words: string[]): string =>
    device.tandem("device-config", what, "--name", name, ...words);
  return {
    swanctl: print("to-office", "--format", "swanctl"),
    bird: print("office", "--format", "bird", "--tunnel-interface", "ipsec0"),
  };
}

it("comes up with strongSwan and BIRD from the printed files alone", async () => {
  await device.start(printed());
  await device.until("tunnel and BGP session", 45, () => {
    const { tunnels, bgpPeers } = device.status(name);
    return (
      tunnels.every((t) => t.ike === "ESTABLISHED" && t.children.length > 0) &&
      bgpPeers.some((p) => p.neighbor === "10.52.0.1" && p.state === "Established" && p.routesReceived > 0)
    );
  });
}, 90_000);

it("is seen alike from strongSwan and from BIRD, and carries traffic both ways", async () => {
  const child = device.status(name).tunnels[0]?.children[0];
  const sas = device.sas();
  expect(sas).toContain(`in  ${child?.spiOut}`);
  expect(sas).toContain(`out ${child?.spiIn}`);
  expect(device.protocols()).toMatch(/tunnel0\s+BGP.*Established/);
  await device.until("site to VNet", 20, () => device.pings("10.11.0.4", SITE_HOST));
  device.tandem("lab", "exec", "--name", name, "vnet-host", "ping", "-c", "3", "-i", "0.2", SITE_HOST);
  expect(device.log()).not.toMatch(/no proposal|AUTH_FAILED/);
});

it("has a device that was switched off and on back at once, BGP included, long before DPD would miss it", async () => {
  const files = printed();
  await device.cutPower();
  await device.start(files);
  await device.until("site to VNet", 10, () => device.pings("10.11.0.4", SITE_HOST));
  await device.until("both ends to agree on BGP", 10, () => {
    const known = device.status(name).bgpPeers.some((p) => p.state === "Established" && p.routesReceived > 0);
    return known && /tunnel0\s+BGP.*Established/.test(device.protocols());
  });
}, 60_000);

it("leaves nothing behind", () => {
  device.tandem("lab", "down", "--name", name);
  expect(device.must(["ip", "netns", "list"])).not.toContain(`${name}.`);
});
