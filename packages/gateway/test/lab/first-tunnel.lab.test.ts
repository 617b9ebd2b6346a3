import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, control, status, until } from "./namespaces.ts";
import { type SiteToSite, siteToSite } from "./site-to-site.ts";

let lab: SiteToSite | undefined;
afterEach(async () => {
  await lab?.net.close();
  lab = undefined;
});

describe.runIf(canMakeNamespaces())("two gateway processes", () => {
  it("carry pings through a real IKEv2 and ESP tunnel, and agree on SPIs and counters", async () => {
    lab = siteToSite("t1");
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const gateway = net.start("gw", lab.gateway);
    const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
    await until(
      "a tunnel on both ends",
      async () => {
        const ends = await Promise.all([status(gateway), status(device)]);
        return ends.every(
          ({ tunnels }) => tunnels[0]?.ike === "ESTABLISHED" && tunnels[0].children.length === 1,
        );
      },
      40_000,
      logs,
    );
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 5_000, logs);
    net.exec("h0", "ping -c20 -i0.01 -W1 192.168.0.10");
    net.exec("h1", "ping -c5 -i0.01 -s 1372 -W1 10.1.0.10");
    net.exec("h0", "ping -6 -c5 -i0.01 -W1 fd92::10");

    const [near, far] = await Promise.all([status(gateway), status(device)]);
    const [a, b] = [near.tunnels[0]!.children[0]!, far.tunnels[0]!.children[0]!];
    expect([a.spiIn, a.spiOut]).toEqual([b.spiOut, b.spiIn]);
    expect(a.bytesIn).toBe(b.bytesOut);
    expect(a.packetsOut).toBe(b.packetsIn);
    expect(near.tunnels[0]!.initiatorSpi).toBe(far.tunnels[0]!.initiatorSpi);
  });

  it("leave nothing in clear when the gateway is killed, and come back when it is started again", async () => {
    lab = siteToSite("t2");
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const gateway = net.start("gw", lab.gateway);
    const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    const before = net.exec("fab", "cat /sys/class/net/to-gw/statistics/rx_packets");
    gateway.process.kill("SIGKILL");
    await new Promise<void>((resolve) => gateway.process.once("exit", () => resolve()));
    expect(net.tries("h0", "ping -c3 -i0.05 -W1 192.168.0.10")).toBe(false);
    expect(net.exec("gw", "ip route get 192.168.0.10 from 10.1.0.10 iif in || true")).not.toContain(
      "dev out",
    );
    const clear = Number(net.exec("fab", "cat /sys/class/net/to-gw/statistics/rx_packets")) - Number(before);
    // ARP may be refreshed; pings would be three more.
    expect(clear).toBeLessThan(3);
    const again = net.start("gw", lab.gateway);
    await until(
      "a ping after the restart",
      () => net.tries("h0", "ping -c1 -W1 192.168.0.10"),
      20_000,
      () => `${logs()}\nagain:\n${again.log()}`,
    );
  });

  it("apply live changes and touch nothing else", async () => {
    lab = siteToSite("t3");
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const gateway = net.start("gw", lab.gateway);
    const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    const spi = (await status(gateway)).tunnels[0]!.children[0]!.spiIn;
    const without = {
      ...lab.gateway,
      connections: lab.gateway.connections.map((connection) => ({
        ...connection,
        staticPrefixes: ["fd92::/64"],
      })),
    };
    expect(await control(gateway.socket, "configure", without)).toEqual({
      changed: ["tunnel changed: to-site|gw/0|device (prefixes)"],
    });
    expect(net.tries("h0", "ping -c1 -W1 192.168.0.10")).toBe(false);
    net.exec("h0", "ping -6 -c1 -W1 fd92::10");
    await control(gateway.socket, "configure", lab.gateway);
    net.exec("h0", "ping -c1 -W1 192.168.0.10");
    expect((await status(gateway)).tunnels[0]!.children[0]!.spiIn).toBe(spi);
    await expect(
      control(gateway.socket, "configure", { ...lab.gateway, localPrefixes: ["x"] }),
    ).rejects.toThrow("localPrefixes.0");
    expect(await control(gateway.socket, "configure", lab.gateway)).toEqual({ changed: [] });
  });
});
