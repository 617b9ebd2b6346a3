/**
 * Mixed traffic to many peers at real data planes: packets of several tunnels, sizes and ciphers that wait in the TUN
 * together leave by few system calls, and each arrives at its peer, intact and in order.
 *
 *      sender ── tunA ── plane A 10.78.0.1 ── UDP 4500 ── plane B 10.78.1.1 .. .8 ── tunB ── receiver
 */
import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type SampleSa, sampleSa } from "@tandem/esp/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { inThrowawayNetwork } from "../../../linux/test/throwaway-network.ts";
import { DataPlane } from "../../src/dataplane/data-plane.ts";

const HERE = "10.78.0.1";
const PEERS = Array.from({ length: 8 }, (_, i) => `10.78.1.${i + 1}`);
const PORT = 7777;
const ROUNDS = 8;
const SUITES: readonly NonNullable<SampleSa["suite"]>[] = [
  { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
  { encryption: "aes-cbc", keyBits: 256, integrity: "hmac-sha256-128" },
  { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" },
];

const sh = (command: string): string => execFileSync("sh", ["-ec", command], { encoding: "utf8" });

inThrowawayNetwork(import.meta.filename, () => {
  let a: DataPlane;
  let b: DataPlane;
  let sender: Socket;
  let receiver: Socket;
  const heard: { to: number; text: string }[] = [];

  async function tunnels(plane: DataPlane, side: "a" | "b"): Promise<void> {
    const addresses = side === "a" ? [HERE] : PEERS;
    await plane.command({ kind: "add-seat", seat: "s", epoch: 1, addresses });
    for (const [i, peer] of PEERS.entries()) {
      const tunnel = `t${i}`;
      const [local, remote] = side === "a" ? [HERE, peer] : [peer, HERE];
      const [mine, theirs] = [0x1000 + i, 0x2000 + i];
      const sa = sampleSa({
        id: tunnel,
        local,
        remote,
        spiIn: side === "a" ? mine : theirs,
        spiOut: side === "a" ? theirs : mine,
        // The third peer takes raw ESP: its socket is another one.
        raw: i === 2,
        suite: SUITES[i % SUITES.length]!,
      });
      await plane.command({ kind: "add-tunnel", tunnel, connection: tunnel, seat: "s", remote });
      await plane.command({ kind: "add-child-sa", tunnel, sa, sequence: { first: 1, limit: 2 ** 32 } });
      await plane.command({ kind: "switch-outbound", tunnel, childSa: tunnel });
      if (side === "b") continue;
      const set = [{ prefix: `10.2.${i}.0/24`, tunnels: [tunnel], source: "static" as const }];
      await plane.command({ kind: "fib", set, remove: [] });
    }
  }

  beforeAll(async () => {
    sh(`ip address add ${HERE}/32 dev lo
      ip address add 10.1.0.1/32 dev lo
      ${PEERS.map((peer) => `ip address add ${peer}/32 dev lo`).join("\n")}`);
    a = await DataPlane.start({ tun: "tunA", settings: { mssClamp: 0 } });
    b = await DataPlane.start({ tun: "tunB", settings: { mssClamp: 0 } });
    sh(`ip link set tunA up mtu 1400
      ip link set tunB up mtu 1400
      ip route add 10.2.0.0/16 dev tunA src 10.1.0.1
      ip rule add priority 10 iif tunB lookup 100
      ip route add local 10.2.0.0/16 dev lo table 100
      for f in all tunB; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done
      echo 1 >/proc/sys/net/ipv4/conf/tunB/accept_local`);
    await tunnels(a, "a");
    await tunnels(b, "b");
    sender = createSocket("udp4");
    receiver = createSocket("udp4");
    receiver.on("message", (message) => {
      const [to = "", text = ""] = message.toString().split(" ");
      heard.push({ to: Number(to), text });
    });
    sender.bind(0, "10.1.0.1");
    receiver.bind(PORT, "0.0.0.0");
    await Promise.all([once(sender, "listening"), once(receiver, "listening")]);
  }, 60_000);

  afterAll(async () => {
    await a.stop();
    await b.stop();
    sender.close();
    receiver.close();
  }, 60_000);

  const send = (peer: number, text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      sender.send(`${peer} ${text}`, PORT, `10.2.${peer}.1`, (error) =>
        error === null ? resolve() : reject(error),
      );
    });

  test("64 packets of 8 tunnels and as many sizes leave by few calls, and all arrive in order per peer", async () => {
    await a.command({ kind: "hold-seat", seat: "s", what: "all" });
    const sent: { to: number; text: string }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let peer = 0; peer < PEERS.length; peer++) {
        const text = `${round}${"x".repeat(1 + 37 * peer + 100 * (round % 3))}`;
        sent.push({ to: peer, text });
        await send(peer, text);
      }
    }
    const before = a.counters().udpSends;
    await a.command({ kind: "hold-seat", seat: "s", what: "nothing" });
    await vi.waitFor(() => expect(heard).toHaveLength(sent.length), { timeout: 10_000 });
    for (let peer = 0; peer < PEERS.length; peer++) {
      const of = (list: typeof heard) => list.filter(({ to }) => to === peer).map(({ text }) => text);
      expect(of(heard)).toEqual(of(sent));
    }
    // A turn reads 16 packets; raw ESP breaks the row twice in each.
    expect(a.counters().udpSends - before).toBeLessThanOrEqual((sent.length / 16) * 5);
  }, 30_000);

  test("one peer that is gone does not take the others' packets with it", async () => {
    heard.length = 0;
    sh(`ip address del ${PEERS[1]}/32 dev lo && ip route add prohibit ${PEERS[1]}/32`);
    await a.command({ kind: "hold-seat", seat: "s", what: "all" });
    for (let peer = 0; peer < PEERS.length; peer++) await send(peer, "y");
    await a.command({ kind: "hold-seat", seat: "s", what: "nothing" });
    await vi.waitFor(() => expect(heard).toHaveLength(PEERS.length - 1), { timeout: 10_000 });
    expect(heard.map(({ to }) => to).sort()).toEqual([0, 2, 3, 4, 5, 6, 7]);
    expect(a.drops()["socket-error"]).toBe(1);
  }, 30_000);
});
