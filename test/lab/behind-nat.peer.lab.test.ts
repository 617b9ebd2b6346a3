/**
 * The gateway behind a NAT that forwards UDP 500 and 4500 to its public IP: strongSwan and BIRD on the far side know the
 * NAT's address alone, and are configured with what `device-config --gateway-address` prints.
 *
 *      device 198.51.100.99 ── 198.51.100.1 NAT 192.0.2.1 ── 192.0.2.10 gateway
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OutsideDevice } from "./outside-device.ts";
import { REPOSITORY } from "./user-lab.ts";

const PUBLIC_IP = "192.0.2.10";
const NAT_IP = "198.51.100.1";
const BGP_IP = "10.52.0.1";
const device = new OutsideDevice("bn");
const name = device.id;
let outside: string;

/** What comes to the NAT's address goes on to the public IP; what goes out has the NAT's address. */
const NAT_RULES = `
table ip forward_ike {
  chain in { type nat hook prerouting priority -100; iifname "outer" udp dport { 500, 4500 } dnat to ${PUBLIC_IP}; }
  chain out { type nat hook postrouting priority 100; oifname "outer" masquerade; }
}
`;

beforeAll(() => {
  const netns = device.addNamespace("device");
  const nat = device.addNamespace("nat");
  outside = device.addCable("a", nat, "inner");
  device.ip(nat, `link add outer type veth peer name eth0 netns ${netns}`, "link set outer up");
  device.ip(nat, "address add 192.0.2.1/24 dev inner", `address add ${NAT_IP}/24 dev outer`);
  device.ip(netns, "link set eth0 up", "address add 198.51.100.99/24 dev eth0");
  device.ip(netns, `address add ${BGP_IP}/32 dev lo`);
  device.must(["ip", "netns", "exec", nat, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  device.must(["ip", "netns", "exec", nat, "nft", "-f", "-"], NAT_RULES);
});

afterAll(async () => {
  device.run([join(REPOSITORY, "tandem"), "lab", "down", "--name", name]);
  await device.stop();
});

it("comes up with a device that dials the NAT, and carries BGP and traffic both ways in UDP", async () => {
  device.tandem(
    ...["gateway", "up", "--name", name, "--outside", outside, "--public-ip", PUBLIC_IP],
    ...["--next-hop", "192.0.2.1", "--device", `office=198.51.100.99,asn=65050,bgp=${BGP_IP}`],
  );
  const print = (...words: string[]): string =>
    device.tandem("device-config", "office", "--name", name, ...words);
  const swanctl = print("--format", "swanctl", "--gateway-address", NAT_IP);
  expect(swanctl).toContain(`remote_addrs = ${NAT_IP}`);
  await device.start({ swanctl, bird: print("--format", "bird", "--tunnel-interface", "ipsec0") });
  await device.until("the tunnel and the session", 60, () => {
    const status = device.status(name);
    return (
      status.tunnels.every((t) => t.ike === "ESTABLISHED" && t.children.length > 0) &&
      status.bgpPeers.some((p) => p.neighbor === BGP_IP && p.state === "Established")
    );
  });
  expect(device.sas()).toMatch(new RegExp(`remote '${PUBLIC_IP}' @ ${NAT_IP}\\[4500\\]`));
  await device.until("site to VNet", 30, () => device.pings("10.11.0.4", BGP_IP));
  device.tandem(
    "lab",
    "exec",
    "--name",
    name,
    "vnet-host",
    "ping",
    "-c",
    "3",
    "-i",
    "0.2",
    "-W",
    "2",
    BGP_IP,
  );
}, 180_000);
