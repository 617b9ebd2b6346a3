import { afterEach, describe, expect, it } from "vitest";
import { type InstancePair, instancePair, SEAT } from "./instance-pair.ts";
import { canMakeNamespaces, control, type Running, status, until } from "./namespaces.ts";

let lab: InstancePair | undefined;
afterEach(async () => {
  await lab?.net.close();
  lab = undefined;
});

const established = async (running: Running): Promise<boolean> =>
  (await status(running)).tunnels.some(
    (tunnel) => tunnel.ike === "ESTABLISHED" && tunnel.children.length > 0,
  );

describe.runIf(canMakeNamespaces())("a seat that goes to the partner", () => {
  it("goes on after SIGKILL with the same SAs and without a negotiation", async () => {
    lab = instancePair("k1", "hitless");
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const [first, second] = [net.start("gw0", lab.instances[0]), net.start("gw1", lab.instances[1])];
    const logs = (): string => `first:\n${first.log()}\nsecond:\n${second.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    await until("replication", () => first.log().includes("replication.up"), 5_000, logs);
    const before = (await status(device)).tunnels[0]!;
    net.exec("h0", "ping -c20 -i0.01 -W1 192.168.0.10");
    // Two rounds of live state after the last packet.
    await new Promise((resolve) => setTimeout(resolve, 150));

    first.process.kill("SIGKILL");
    const start = performance.now();
    lab.own(1);
    const taken = await control(second.socket, "seat-take", {
      seat: SEAT.name,
      epoch: 2,
      publicIps: SEAT.publicIps,
      bgpIp: SEAT.bgpIp,
      mode: "adopt",
    });
    const took = performance.now() - start;
    expect(taken).toMatchObject({ taken: true, adopted: true });
    await until("a ping after the adoption", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 5_000, logs);
    net.exec("h1", "ping -c5 -i0.01 -W1 10.1.0.10");
    expect(took).toBeLessThan(2_000);

    const after = (await status(device)).tunnels[0]!;
    expect(after.initiatorSpi).toBe(before.initiatorSpi);
    expect(after.children.map((child) => child.spiIn)).toEqual(before.children.map((child) => child.spiIn));
    // And the IKE SA is alive in both directions: a rekey runs through.
    await control(second.socket, "rekey", { connection: "to-site", what: "child" });
    await until(
      "a rekeyed Child SA",
      async () => {
        const [child] = (await status(device)).tunnels[0]!.children;
        return child !== undefined && child.spiIn !== before.children[0]!.spiIn;
      },
      5_000,
      logs,
    );
    await control(device.socket, "rekey", { connection: "to-site", what: "ike" });
    await until(
      "a rekeyed IKE SA",
      async () => (await status(device)).tunnels[0]!.initiatorSpi !== before.initiatorSpi,
      5_000,
      logs,
    );
    net.exec("h0", "ping -c5 -i0.01 -W1 192.168.0.10");
  });

  it("does no harm when the old owner wakes up: it hears of the higher epoch and drops the seat", async () => {
    lab = instancePair("k2", "hitless");
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const [first, second] = [net.start("gw0", lab.instances[0]), net.start("gw1", lab.instances[1])];
    const logs = (): string => `first:\n${first.log()}\nsecond:\n${second.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    await until("replication", () => first.log().includes("replication.up"), 5_000, logs);
    first.process.kill("SIGSTOP");
    lab.own(1);
    await control(second.socket, "seat-take", {
      seat: SEAT.name,
      epoch: 2,
      publicIps: SEAT.publicIps,
      bgpIp: SEAT.bgpIp,
      mode: "adopt",
    });
    await until("a ping after the adoption", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 5_000, logs);
    first.process.kill("SIGCONT");
    await until(
      "the old owner has let go",
      async () => (await status(first)).seats.length === 0,
      10_000,
      logs,
    );
    await until(
      "its address is gone",
      () => !net.exec("gw0", "ip -o address show dev lo").includes("203.0.113.1"),
      5_000,
      logs,
    );
    net.exec("h0", "ping -c5 -i0.01 -W1 192.168.0.10");
    expect(await established(second)).toBe(true);
    await expect(
      control(second.socket, "seat-take", {
        seat: SEAT.name,
        epoch: 1,
        publicIps: SEAT.publicIps,
        bgpIp: SEAT.bgpIp,
      }),
    ).rejects.toThrow("older than 2");
  });

  it("is negotiated anew in the profile fast, and the device follows", async () => {
    lab = instancePair("k3", "fast", true);
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const [first, second] = [net.start("gw0", lab.instances[0]), net.start("gw1", lab.instances[1])];
    const logs = (): string => `first:\n${first.log()}\nsecond:\n${second.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    // IKE SAs made within a second of each other count as one crossing attempt; this is to be a later one.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    first.process.kill("SIGKILL");
    lab.own(1);
    await control(second.socket, "seat-take", {
      seat: SEAT.name,
      epoch: 2,
      publicIps: SEAT.publicIps,
      bgpIp: SEAT.bgpIp,
    });
    await until(
      "a ping after the take-over",
      () => net.tries("h0", "ping -c1 -W1 192.168.0.10"),
      20_000,
      logs,
    );
    await until(
      "one Child SA is left",
      async () => (await status(device)).tunnels[0]!.children.length === 1,
      10_000,
      logs,
    );
  });
});
