/** Real data planes (worker, TUN, sockets) by each cipher backend: what one seals another opens, and status tells which it is. */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { type SampleSa, sampleSa } from "@tandem/esp/testing";
import { afterEach, expect, test } from "vitest";
import { inThrowawayNetwork } from "../../../linux/test/throwaway-network.ts";
import type { CipherBackendName } from "../../src/dataplane/cipher-backend.ts";
import { DataPlane } from "../../src/dataplane/data-plane.ts";

const A = "10.78.0.1";
const B = "10.78.0.2";
const PACKETS = 20;

const sh = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8" });

inThrowawayNetwork(import.meta.filename, () => {
  const planes: DataPlane[] = [];
  afterEach(async () => {
    await Promise.all(planes.splice(0).map((plane) => plane.stop()));
  }, 60_000);

  async function start(tun: string, backend: CipherBackendName, sample: SampleSa): Promise<DataPlane> {
    const plane = await DataPlane.start({ tun, backend });
    planes.push(plane);
    sh(`ip link set ${tun} up mtu 1400`);
    const sa = sampleSa(sample);
    await plane.command({ kind: "add-seat", seat: "s", epoch: 1, addresses: [sample.local] });
    await plane.command({
      kind: "add-tunnel",
      tunnel: "t",
      connection: "c",
      seat: "s",
      remote: sample.remote,
    });
    await plane.command({ kind: "add-child-sa", tunnel: "t", sa, sequence: { first: 1, limit: 2 ** 32 } });
    await plane.command({ kind: "switch-outbound", tunnel: "t", childSa: sa.id });
    return plane;
  }

  test.each([
    ["evp", "node"],
    ["node", "noble"],
    ["noble", "evp"],
  ] as const)("%s seals, %s opens", async (seals, opens) => {
    sh(`for a in ${A} ${B}; do ip address replace $a/32 dev lo; done`);
    const [first, second] = await Promise.all([
      start("tunA", seals, { local: A, remote: B, spiIn: 1001, spiOut: 1002 }),
      start("tunB", opens, { local: B, remote: A, spiIn: 1002, spiOut: 1001 }),
    ]);
    expect([first.backend, second.backend]).toEqual([seals, opens]);
    const set = [{ prefix: "10.2.0.0/16", tunnels: ["t"], source: "static" as const }];
    await first.command({ kind: "fib", set, remove: [] });
    sh(`ip route replace 10.2.0.0/16 dev tunA src ${A}`);
    const sender = createSocket("udp4");
    for (let i = 0; i < PACKETS; i++) sender.send(Buffer.alloc(i * 60), 9, "10.2.0.1");
    for (const end = performance.now() + 30_000; second.counters().segmentsIn < PACKETS; ) {
      if (performance.now() > end) throw new Error(`not within 30 s: ${JSON.stringify(second.drops())}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    sender.close();
    // Router solicitations of the devices themselves have no route.
    const bad = Object.keys({ ...first.drops(), ...second.drops() }).filter((name) => name !== "no-route");
    expect(bad).toEqual([]);
  });
});
