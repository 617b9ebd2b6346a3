/**
 * Bad input and full queues at a real data plane (worker, TUN, sockets, OpenSSL) in a network namespace of this test's own, with
 * real packets: each fault is counted by name, and forwarding goes on.
 *
 *      peer 10.77.0.2 (this test) ── UDP 4500 ──▶ 10.77.0.1 data plane ── TUN ──▶ kernel ──▶ UDP socket of this test
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { sampleSa } from "@tandem/esp/testing";
import { createArena, openRawSocket } from "@tandem/linux";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inThrowawayNetwork } from "../../../linux/test/throwaway-network.ts";
import { DataPlane } from "../../src/dataplane/data-plane.ts";
import { buildPacket } from "./packet-model.ts";
import { sealed, tooBig, withTrailer } from "./sealed-packet.ts";

const HERE = "10.77.0.1";
const PEER = "10.77.0.2";
const SPI_IN = 0x1001;
const NEXT_HEADER_IPV4 = 4;
/** The inside host: an address of this machine, so that what the data plane delivers arrives at a socket. */
const INSIDE = "10.1.0.1";

/** One bit of the ICV is another. */
function damaged(packet: Uint8Array): Uint8Array {
  packet[packet.length - 1]! ^= 1;
  return packet;
}

const sh = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8" });

inThrowawayNetwork(import.meta.filename, () => {
  let plane: DataPlane;
  let peer: Socket;
  let inside: Socket;
  const heard: string[] = [];
  const sa = sampleSa({
    local: HERE,
    remote: PEER,
    spiIn: SPI_IN,
    spiOut: 0x1002,
    more: {
      remoteSelectors: [
        { protocol: 0, startPort: 0, endPort: 65535, startAddress: "10.2.0.0", endAddress: "10.2.255.255" },
      ],
    },
  });

  beforeAll(async () => {
    sh(`ip link add out0 type veth peer name peer0
      ip address add ${HERE}/24 dev out0
      ip link set out0 up
      ip link set peer0 up
      ip address add ${PEER}/32 dev lo
      ip address add ${INSIDE}/32 dev lo`);
    plane = await DataPlane.start({
      tun: "tun7",
      settings: { routerAddresses: [HERE], mssClamp: 0 },
    });
    sh("ip link set tun7 up mtu 1500 txqueuelen 20 && ip route add 10.2.0.0/16 dev tun7 src 10.1.0.1");
    await plane.command({ kind: "add-seat", seat: "s", epoch: 1, addresses: [HERE] });
    await plane.command({ kind: "add-tunnel", tunnel: "t", connection: "c", seat: "s", remote: PEER });
    await plane.command({ kind: "add-child-sa", tunnel: "t", sa, sequence: { first: 1, limit: 2 ** 32 } });
    await plane.command({ kind: "switch-outbound", tunnel: "t", childSa: sa.id });
    const set = [{ prefix: "10.2.0.0/16", tunnels: ["t"], source: "static" as const }];
    await plane.command({ kind: "fib", set, remove: [] });
    peer = createSocket("udp4");
    inside = createSocket("udp4");
    inside.on("message", (message) => heard.push(message.toString()));
    peer.bind(4500, PEER);
    inside.bind(7777, INSIDE);
    await Promise.all([once(peer, "listening"), once(inside, "listening")]);
  }, 60_000);

  afterAll(async () => {
    await plane.stop();
    peer.close();
    inside.close();
  }, 60_000);

  let sequence = 0;
  const udp = (payload: string, source: readonly number[] = [10, 2, 0, 9]): Uint8Array => {
    const packet = buildPacket({
      family: 4,
      protocol: "udp",
      flow: 1,
      payload: Buffer.from(payload),
      source: Uint8Array.from(source),
      destination: Uint8Array.of(10, 1, 0, 1),
    });
    const view = new DataView(packet.buffer);
    view.setUint16(22, 7777);
    view.setUint16(26, 0); // without a checksum
    return packet;
  };
  const toPlane = (bytes: Uint8Array): void => peer.send(bytes, 4500, HERE);
  const seal = (plain: Uint8Array): Buffer => sealed(sa.inbound, SPI_IN, ++sequence, plain);

  async function until(what: string, check: () => boolean): Promise<void> {
    for (const end = performance.now() + 30_000; !check(); ) {
      if (performance.now() > end)
        throw new Error(`not within 30 s: ${what}; ${JSON.stringify(plane.drops())}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function goesOn(): Promise<void> {
    const word = `still ${sequence}`;
    toPlane(seal(withTrailer(udp(word), NEXT_HEADER_IPV4)));
    await until("forwarding goes on", () => heard.includes(word));
  }

  /** The reason's count grows by one, by this input. */
  async function counts(reason: string, bytes: Uint8Array): Promise<void> {
    const before = plane.drops()[reason] ?? 0;
    toPlane(bytes);
    await until(reason, () => (plane.drops()[reason] ?? 0) === before + 1);
  }

  test("good packets arrive, replays do not", async () => {
    const packet = seal(withTrailer(udp("once"), NEXT_HEADER_IPV4));
    toPlane(packet);
    await until("the packet", () => heard.includes("once"));
    await counts("replay-seen", packet);
    expect(heard.filter((one) => one === "once")).toHaveLength(1);
    await goesOn();
  });

  test("a host that sends where no tunnel leads is told", async () => {
    sh("ip route add 10.9.0.0/16 dev tun7 src 10.1.0.1");
    const ping = spawnSync("ping", ["-c", "1", "-W", "3", "10.9.0.1"], { encoding: "utf8" });
    expect(ping.stdout).toMatch(new RegExp(`From ${HERE} .*Destination Net Unreachable`));
    expect(plane.drops()["no-route"]).toBeGreaterThanOrEqual(1);
    await goesOn();
  });

  test.each<[string, string, () => Uint8Array]>([
    ["a wrong ICV", "bad-icv", () => damaged(seal(withTrailer(udp("x"), NEXT_HEADER_IPV4)))],
    ["an unknown SPI", "unknown-spi", () => seal(withTrailer(udp("x"), NEXT_HEADER_IPV4)).fill(0x77, 0, 1)],
    ["a truncated packet", "esp-truncated", () => seal(udp("x")).subarray(0, 20)],
    ["a packet of no multiple of four", "esp-unaligned", () => seal(udp("xyz12"))],
    ["bad padding", "bad-padding", () => seal(Buffer.from([...udp("1234"), 9, 9, 2, NEXT_HEADER_IPV4]))],
    ["padding past the start", "bad-padding", () => seal(Buffer.from([...udp("1234"), 1, 2, 255, 4]))],
    [
      "an inner packet that is not IP",
      "bad-inner-packet",
      () => seal(withTrailer(udp("x").with(0, 0x15), 4)),
    ],
    ["another next header", "bad-next-header", () => seal(withTrailer(udp("x"), 99))],
    [
      "a source outside the selectors",
      "selector-mismatch",
      () => seal(withTrailer(udp("x", [172, 16, 0, 1]), 4)),
    ],
    ["two bytes", "outer-not-esp", () => Uint8Array.of(1, 2)],
    ["a NAT keepalive", "keepalive", () => Uint8Array.of(0xff)],
  ])("%s is counted as %s", async (_name, reason, make) => {
    await counts(reason, make());
    expect(heard).not.toContain("x");
    await goesOn();
  });

  test("what is too long for the tunnel is refused", async () => {
    const payload = "-M do -s 1450";
    expect(() => sh(`ping -n -c 1 -W 1 ${payload} 10.2.0.9 2>&1`)).toThrow();
    await until("the refusal", () => (plane.drops()["too-big"] ?? 0) > 0);
    await goesOn();
  });

  test("a router's word about a packet that was sent is believed, a forged one is not", async () => {
    const arena = createArena(1 << 20);
    const router = openRawSocket(arena, { address: PEER, protocol: 1 });
    const path = router.createPath(PEER, HERE, 0);
    const say = (spi: number, number: number): void => {
      const message = tooBig({ source: HERE, destination: PEER, mtu: 1300, spi, sequence: number });
      arena.bytes.set(message, 4096);
      expect(router.send(path, 4096, message.length, 0, 0)).toBe(message.length);
    };
    const received = once(peer, "message") as Promise<[Buffer]>;
    inside.send("out", 9, "10.2.0.9");
    const [packet] = await received;
    const [spi, number] = [packet.readUInt32BE(0), packet.readUInt32BE(4)];
    say(spi + 1, number);
    say(spi, number + 1000);
    await until("the forged ones are counted", () => plane.drops()["icmp-untrusted"] === 2);
    expect(plane.counters().pathMtuLowered).toBe(0);
    say(spi, number);
    await until("the path is lowered", () => plane.counters().pathMtuLowered === 1);
    expect(sh("ping -n -M do -c 1 -W 1 -s 1300 10.2.0.9 2>&1 || true")).toContain("mtu = 1238");
    router.close();
    await goesOn();
  });

  test("a full TUN is counted", async () => {
    await plane.command({ kind: "hold-seat", seat: "s", what: "all" });
    const before = plane.drops()["tun-queue-full"] ?? 0;
    for (let i = 0; i < 100; i++) inside.send("much", 9, "10.2.0.9");
    await until("the queue overflows", () => (plane.drops()["tun-queue-full"] ?? 0) > before);
    await plane.command({ kind: "hold-seat", seat: "s", what: "nothing" });
    await goesOn();
  });

  test("a full outside socket is counted", async () => {
    // Nobody answers for this peer's link address: the kernel keeps what is sent to it, and the socket fills.
    const lost = "10.77.0.99";
    sh(`ip ntable change name arp_cache dev out0 queue 100000 mcast_probes 100
      ip link set tun7 txqueuelen 5000
      ip route add 10.3.0.0/16 dev tun7 src 10.1.0.1`);
    const other = sampleSa({ id: "sa2", local: HERE, remote: lost, spiIn: 0x2001, spiOut: 0x2002 });
    await plane.command({ kind: "add-tunnel", tunnel: "u", connection: "c", seat: "s", remote: lost });
    await plane.command({
      kind: "add-child-sa",
      tunnel: "u",
      sa: other,
      sequence: { first: 1, limit: 2 ** 32 },
    });
    await plane.command({ kind: "switch-outbound", tunnel: "u", childSa: other.id });
    const set = [{ prefix: "10.3.0.0/16", tunnels: ["u"], source: "static" as const }];
    await plane.command({ kind: "fib", set, remove: [] });
    const datagram = Buffer.alloc(1300);
    for (let round = 0; round < 100 && plane.drops()["socket-full"] === undefined; round++) {
      for (let i = 0; i < 1000; i++) inside.send(datagram, 9, "10.3.0.9");
      await new Promise((resolve) => inside.send(datagram, 9, "10.3.0.9", resolve));
    }
    await until("the socket is full", () => (plane.drops()["socket-full"] ?? 0) > 0);
    await goesOn(); // what comes in, at once; what goes out, when the kernel has given up
    await plane.command({ kind: "remove-tunnel", tunnel: "u" });
    sh(`ip link set out0 down
      ip link set out0 up`);
    const seen = new Promise((resolve) => peer.once("message", resolve));
    inside.send("out", 9, "10.2.0.9");
    await seen;
  });

  test("interfaces go down and come up", async () => {
    sh("ip link set tun7 down");
    await counts("tun-error", seal(withTrailer(udp("x"), NEXT_HEADER_IPV4)));
    sh("ip link set tun7 up && ip route add 10.2.0.0/16 dev tun7 src 10.1.0.1");
    await goesOn();
  });
});
