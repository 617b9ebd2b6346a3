import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, control, status, until } from "./namespaces.ts";
import { type SiteToSite, siteToSite } from "./site-to-site.ts";

let lab: SiteToSite | undefined;
afterEach(async () => {
  await lab?.net.close();
  lab = undefined;
});

describe.runIf(canMakeNamespaces())("rekeys of both SAs, every few seconds", () => {
  it.each([
    ["the gateway", {}, { mode: "ResponderOnly" }],
    ["the device", { mode: "ResponderOnly" }, {}],
  ] as const)("lose no packet when %s initiates", async (_who, gatewayMode, deviceMode) => {
    const short = { childLifetimeSeconds: 5, ikeLifetimeSeconds: 12 };
    lab = siteToSite("r1", { gateway: { ...short, ...gatewayMode }, device: { ...short, ...deviceMode } });
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const gateway = net.start("gw", lab.gateway);
    const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    const spis = new Set<string>();
    const initiators = new Set<string>();
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const tunnel = (await status(gateway)).tunnels[0]!;
        initiators.add(tunnel.initiatorSpi ?? "");
        for (const child of tunnel.children) spis.add(child.spiIn);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    const flood = net.spawn("h0", ["ping", "-q", "-i", "0.01", "-c", "2500", "192.168.0.10"]);
    let output = "";
    flood.stdout?.on("data", (chunk) => {
      output += chunk;
    });
    await new Promise<void>((resolve) => flood.once("exit", () => resolve()));
    watching = false;
    await watch;
    expect(output, logs()).toContain("2500 received");
    expect(spis.size).toBeGreaterThan(3);
    expect(initiators.size).toBeGreaterThan(1);
    await until(
      "no SA too many",
      async () => {
        const ends = await Promise.all([status(gateway), status(device)]);
        return ends.every(({ tunnels }) => tunnels[0]!.children.length === 1);
      },
      10_000,
      logs,
    );
    expect(
      ((await control(gateway.socket, "status")) as { dataPlane: { drops: object } }).dataPlane.drops,
    ).not.toHaveProperty("no-sequence");
  });
});
