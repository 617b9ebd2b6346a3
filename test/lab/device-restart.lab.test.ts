/**
 * A device dies and begins again, faster than any hold time: the gateway has the tunnels of its new life at once, and BGP sessions
 * of its old one. "Ready" comes when the device has routes again, not before, and soon.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { iperf3, SITE_HOST, UserLab, until } from "./user-lab.ts";

const lab = new UserLab();
const FLOWS = 16;
/** Half of the flows of a device without routes would be lost; so would a keepalive time of a minute. Seconds. */
const SOON = 10;

beforeAll(async () => {
  await lab.up("dual-redundancy");
});

afterAll(async () => {
  await lab.down();
});

it("a device that was killed is missed by name, and when status says ready every flow gets through", async () => {
  expect((await lab.tandem(["kill", "device2"])).status).toBe(0);
  await until("status to name it", 10, async () => {
    const { ready, reasons } = await lab.status();
    return !ready && reasons.some((reason) => reason.includes("device2"));
  });
  expect((await lab.tandem(["restore", "device2"])).status).toBe(0);
  const told = new Set<string>();
  await until("ready again", SOON, async () => {
    const { ready, reasons } = await lab.status();
    for (const reason of reasons) told.add(reason);
    return ready;
  });
  // First the gateway still believes in the session, then it has asked and says itself that there is none.
  expect([...told]).toContainEqual(
    expect.stringMatching(
      /^BGP (device2 to 10\.12\.255\.\d: \w+, although gw\/\d has it Established|gw\/\d to 10\.52\.255\.254: )/,
    ),
  );
  // A flow whose answers go by a device without routes would not even connect.
  expect(await iperf3(lab, "vnet1-host", "onprem-host", SITE_HOST, 1, FLOWS)).toBeGreaterThan(1);
}, 60_000);
