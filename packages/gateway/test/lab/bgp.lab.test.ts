import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, control, type Running, status, until } from "./namespaces.ts";
import { type SiteToSite, siteToSite } from "./site-to-site.ts";

let lab: SiteToSite | undefined;
afterEach(async () => {
  await lab?.net.close();
  lab = undefined;
});

const established = async (running: Running): Promise<boolean> =>
  (await status(running)).bgpPeers.some((peer) => peer.state === "Established");

interface Route {
  readonly network: string;
  readonly asPath: string;
}

describe.runIf(canMakeNamespaces())("BGP through the tunnel", () => {
  it("learns the other side's prefixes, with MD5, and takes them back with the tunnel", async () => {
    const md5 = "shared secret of two speakers";
    lab = siteToSite("b1", {
      gateway: { staticPrefixes: [], bgp: { neighbor: "192.168.255.1", asn: 65010, md5 } },
      device: { staticPrefixes: [], bgp: { neighbor: "10.1.255.4", asn: 65515, passive: true, md5 } },
    });
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const gateway = net.start("gw", lab.gateway);
    const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
    await until(
      "two sessions",
      async () => (await established(gateway)) && (await established(device)),
      60_000,
      logs,
    );
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 20_000, logs);
    net.exec("h0", "ping -6 -c2 -i0.05 -W1 fd92::10");

    const learned = (await control(gateway.socket, "bgp-routes", {})) as Route[];
    expect(learned.find((route) => route.network === "192.168.0.0/24")?.asPath).toBe("65010");
    const routes = (await control(gateway.socket, "routes")) as { prefix: string; source: string }[];
    expect(routes.find((route) => route.prefix === "192.168.0.0/24")?.source).toBe("bgp");

    // Drained: the device has no way back any more, the sessions and the SAs stay.
    await control(gateway.socket, "drain", { seat: "gw/0" });
    await until("no way back", () => !net.tries("h1", "ping -c1 -W1 10.1.0.10"), 20_000, logs);
    expect(await established(device)).toBe(true);
    await control(gateway.socket, "drain", { seat: "gw/0", off: true });
    await until("the way back", () => net.tries("h1", "ping -c1 -W1 10.1.0.10"), 20_000, logs);

    // A clean stop says Cease: the device withdraws at once.
    gateway.process.kill("SIGTERM");
    await until("the device has let go", async () => !(await established(device)), 20_000, logs);
    expect(gateway.log()).toContain('"stopping"');
    const left = (await control(device.socket, "routes")) as { source: string }[];
    expect(left.filter((route) => route.source === "bgp")).toEqual([]);
  });
});
