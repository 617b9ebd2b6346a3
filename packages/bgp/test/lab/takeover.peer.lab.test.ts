/**
 * A seat's machine vanishes without a word: no FIN, no RST. The partner takes the address in another namespace and
 * redials from the dead session's port, which clears it at BIRD within milliseconds instead of a hold time later.
 * TTL security is on: BIRD would not take a segment with the system's own TTL.
 *
 *      [owner] ── link, cut ──╳    [device: BIRD]    ── new link ── [partner]
 */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { kill, LabNet, TandemProcess, until } from "./lab-net.ts";

const SEAT = "10.255.2.1";
const DEVICE = "10.255.2.2";
const PEER = { name: "bird", neighbor: DEVICE, asn: 65001, connectRetryTime: 1, ttlSecurity: 2 };

const CONFIG = `
router id ${DEVICE};
protocol device {}
protocol static s4 { ipv4; route 10.50.0.0/16 blackhole; }
protocol bgp t {
  local ${DEVICE} as 65001; neighbor ${SEAT} as 65515; multihop 2; ttl security on; passive; hold time 180;
  graceful restart on; error wait time 1,2;
  ipv4 { import all; export where source = RTS_STATIC; };
}
`;

let device: LabNet;
const seats: LabNet[] = [];

/** A namespace that holds the seat's address, linked to the device. */
function seatNamespace(label: string): LabNet {
  const net = new LabNet(label, []);
  seats.push(net);
  const link = `v-${label}`;
  execFileSync("ip", [
    ...["link", "add", link, "netns", net.name, "type", "veth"],
    ...["peer", "name", link, "netns", device.name],
  ]);
  net.run("ip", "addr", "add", `${SEAT}/32`, "dev", link);
  net.run("ip", "link", "set", link, "up");
  net.run("ip", "route", "add", `${DEVICE}/32`, "dev", link, "src", SEAT);
  device.run("ip", "link", "set", link, "up");
  device.run("ip", "route", "replace", `${SEAT}/32`, "dev", link, "src", DEVICE);
  return net;
}

const startTandem = (net: LabNet): TandemProcess =>
  new TandemProcess(net, { localAddress: SEAT, asn: 65515, routerId: SEAT });

beforeAll(() => {
  device = new LabNet("device", [`${DEVICE}/32`]);
});

afterAll(async () => {
  for (const net of seats) await net.close();
  await device?.close();
});

it("is taken over in seconds, with routes kept on both sides", async () => {
  const owner = seatNamespace("owner");
  const config = device.file("bird.conf", CONFIG);
  const control = `${device.folder}/bird.ctl`;
  device.start("bird", "-f", "-c", config, "-s", control);
  const birdc = (...words: string[]): string => device.run("birdc", "-s", control, ...words);
  const first = startTandem(owner);
  const gracefulRestart = { restarter: true, helper: true };
  await first.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
  await first.input({ kind: "peer-set", peer: { ...PEER, gracefulRestart } });
  await first.established("bird");
  await until(
    "routes",
    async () => (await first.fib()).length === 1 && birdc("show", "route").includes("10.1.0.0/16"),
  );
  const state = await first.state();

  owner.run("ip", "link", "set", "v-owner", "down");
  await kill(first.child);
  expect(birdc("show", "protocols", "t")).toContain("Established");

  const partner = seatNamespace("partner");
  const second = startTandem(partner);
  await second.input({ kind: "peer-set", peer: { ...PEER, gracefulRestart, waitForPath: true } });
  await second.input({ kind: "adopt", state });
  const begun = Date.now();
  await second.input({ kind: "path-availability", peer: "bird", available: true });
  await second.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
  let lost = 0;
  await until("taken over", async () => {
    if (!birdc("show", "route").includes("10.1.0.0/16")) lost++;
    if ((await second.fib()).length !== 1) lost++;
    return (await second.peer("bird")).state === "Established";
  });
  const took = Date.now() - begun;
  console.log(`session back after ${took} ms`);
  // Without the old port BIRD would have believed in the dead session for up to 180 seconds.
  expect(took).toBeLessThan(5000);
  expect(lost).toBe(0);
});
