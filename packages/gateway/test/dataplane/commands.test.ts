/** What the main thread can do to a data plane while traffic flows. */
import { sampleSa } from "@tandem/esp/testing";
import { MemoryNetwork } from "@tandem/linux/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { Explanation } from "../../src/dataplane/explain.ts";
import { installTunnel, MemoryPlane } from "../../src/testing/memory-plane.ts";
import { buildPacket, checksumOk, sum16, superFrame } from "./packet-model.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const C = "192.0.2.3";

let network: MemoryNetwork;
let a: MemoryPlane;
let b: MemoryPlane;

beforeEach(() => {
  network = new MemoryNetwork();
  const settings = { routerAddresses: ["10.1.0.254", "fd01::fe"] };
  a = new MemoryPlane({ network, settings });
  b = new MemoryPlane({ network });
  installTunnel(a, { local: A, remote: B, spiIn: 0x1001, spiOut: 0x1002 }, ["10.2.0.0/16", "fd02::/16"]);
  installTunnel(b, { local: B, remote: A, spiIn: 0x1002, spiOut: 0x1001 }, ["10.1.0.0/16", "fd01::/16"]);
});

const icmp = (flow = 1) => buildPacket({ family: 4, protocol: "icmp", flow, payload: new Uint8Array(56) });

function pass(count = 1): number {
  const before = b.tun.toHost.length;
  for (let i = 0; i < count; i++) a.tun.fromHost(icmp(1 + (i % 200)));
  a.turn(1 + count / 10);
  b.turn(1 + count / 10);
  return b.tun.toHost.length - before;
}

describe("commands", () => {
  it("switch SAs without losing a packet (make before break)", () => {
    const rekeyed = (plane: MemoryPlane, local: string, remote: string, spiIn: number, spiOut: number) =>
      plane.command({
        kind: "add-child-sa",
        tunnel: "t",
        sa: sampleSa({ id: "sa2", local, remote, spiIn, spiOut }),
        sequence: { first: 1, limit: 1000 },
      });
    rekeyed(b, B, A, 0x2002, 0x2001);
    expect(pass(20)).toBe(20);
    rekeyed(a, A, B, 0x2001, 0x2002);
    a.tun.fromHost(icmp());
    a.turn(); // still on its way under the old SA while the new one is taken
    a.command({ kind: "switch-outbound", tunnel: "t", childSa: "sa2" });
    a.tun.fromHost(icmp());
    a.turn();
    b.turn();
    expect(b.tun.toHost).toHaveLength(22);
    a.command({ kind: "remove-child-sa", childSa: "sa" });
    b.command({ kind: "switch-outbound", tunnel: "t", childSa: "sa2" });
    b.command({ kind: "remove-child-sa", childSa: "sa" });
    expect(pass(5)).toBe(5);
    expect({ ...a.drops(), ...b.drops() }).toEqual({});
  });

  it("export an SA and adopt it elsewhere, above the reserved block and with its window", () => {
    const seen: { bytes: Uint8Array; segmentSize: number }[] = [];
    network.link = ({ bytes, segmentSize }) => seen.push({ bytes: bytes.slice(), segmentSize }) > 0;
    pass(3);
    network.link = () => true;
    const live = b.command({ kind: "export-child-sa", childSa: "sa" }) as { reservedUpTo: number };
    expect(live).toMatchObject({ packetsIn: 3 });
    b.command({ kind: "remove-seat", seat: "s" });

    const heir = new MemoryPlane({ network });
    const sa = sampleSa({ local: B, remote: A, spiIn: 0x1002, spiOut: 0x1001 });
    heir.command({ kind: "add-seat", seat: "s", epoch: 2, addresses: [B] });
    heir.command({ kind: "add-tunnel", tunnel: "t", connection: "c", seat: "s", remote: A });
    const adopt = (first: number) =>
      heir.command({
        kind: "add-child-sa",
        tunnel: "t",
        sa,
        sequence: { first, limit: first + 100 },
        live: live as never,
      });
    expect(() => adopt(live.reservedUpTo - 1)).toThrow(/below/);
    adopt(live.reservedUpTo);
    for (const { bytes, segmentSize } of seen) {
      network.deliver("udp", { from: A, fromPort: 4500, to: B, tos: 0, segmentSize, bytes }, 4500);
      heir.turn();
    }
    expect(heir.drops()).toEqual({ "replay-seen": 3 });
    b = heir;
    expect(pass(2)).toBe(2);
  });

  it("a dropped seat neither sends nor receives, and a lower epoch is refused", () => {
    a.command({ kind: "remove-seat", seat: "s" });
    expect(pass(3)).toBe(0);
    expect(a.drops()).toEqual({ "no-tunnel-up": 3 });
    a.command({ kind: "add-seat", seat: "s", epoch: 7, addresses: [A] });
    expect(() => a.command({ kind: "add-seat", seat: "s", epoch: 6, addresses: [A] })).toThrow(/epoch 7/);
  });

  it("follow a peer to a new address", () => {
    const sent: string[] = [];
    network.link = (datagram) => sent.push(`${datagram.to} ${datagram.toPort}`) > 0;
    a.command({ kind: "move-endpoint", childSa: "sa", remote: C, remotePort: 40001 });
    pass();
    expect(sent).toEqual([`${C} 40001`]);
    expect(() =>
      a.command({ kind: "move-endpoint", childSa: "sa", remote: "fd00::1", remotePort: 1 }),
    ).toThrow(/family/);
  });

  it("send IKE with and without the marker", () => {
    const sent: number[][] = [];
    network.link = (datagram) => sent.push([datagram.toPort, ...datagram.bytes]) > 0;
    const send = (localPort: number) =>
      a.command({
        kind: "send-ike",
        local: A,
        localPort,
        remote: B,
        remotePort: localPort,
        payload: Uint8Array.of(9),
      });
    send(500);
    send(4500);
    expect(sent).toEqual([
      [500, 9],
      [4500, 0, 0, 0, 0, 9],
    ]);
    expect(() => send(501)).toThrow(/no seat/);
  });

  it("capture inner and outer packets, and only while on", () => {
    pass();
    expect(a.events).toEqual([]);
    a.command({ kind: "capture", on: true });
    pass();
    const captured = a.events.filter((e) => e.kind === "captured");
    expect(captured.map((e) => [e.interface, e.direction])).toEqual([
      ["inside", "out"],
      ["outside", "out"],
    ]);
    const outer = captured[1]!.packet;
    expect(sum16(outer.slice(0, 20))).toBe(0xffff);
    expect([...outer.slice(12, 20)]).toEqual([192, 0, 2, 1, 192, 0, 2, 2]);
    expect(new DataView(outer.buffer).getUint16(20)).toBe(4500);
  });

  it("explain the way of a flow", () => {
    const ask = (destination: string) =>
      a.command({
        kind: "explain",
        source: "10.1.0.1",
        destination,
        protocol: 6,
        sourcePort: 1,
        destinationPort: 2,
      }) as Explanation;
    pass();
    expect(ask("10.2.3.4")).toMatchObject({
      verdict: "tunnel",
      route: { prefix: "10.2.0.0/16" },
      candidates: [{ tunnel: "t", up: true, chosen: true }],
      childSa: { id: "sa", spiOut: 0x1002, packetsOut: 1, innerMtu: 1438 },
    });
    expect(ask("10.9.0.1").verdict).toBe("no-route");
    a.command({ kind: "fib", set: [{ prefix: "10.2.3.0/24", tunnels: [], source: "static" }], remove: [] });
    expect(ask("10.2.3.4").verdict).toBe("inside");
    a.command({ kind: "remove-child-sa", childSa: "sa" });
    expect(ask("10.2.9.1").verdict).toBe("no-tunnel-up");
  });

  it("explain which tunnel a flow was seen in, and which flows were not", () => {
    const ask = (flow: number) =>
      a.command({
        kind: "explain",
        source: `10.1.0.${flow}`,
        destination: `10.2.0.${flow}`,
        protocol: 17,
        sourcePort: 1000 + flow,
        destinationPort: 2000 + flow,
      }) as Explanation;
    expect(ask(1).seen).toBeUndefined();
    a.tun.fromHost(buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(8) }));
    a.turn();
    expect(ask(1).seen).toEqual({ tunnel: "t", secondsAgo: 0 });
    expect(ask(2).seen).toBeUndefined();
  });

  it("refuse what contradicts itself, and change nothing", () => {
    const bad = { prefix: "10.3.0.0/99", tunnels: ["t"], source: "static" } as const;
    const good = { prefix: "10.3.0.0/16", tunnels: ["t"], source: "static" } as const;
    expect(() => a.command({ kind: "fib", set: [good, bad], remove: [] })).toThrow(/nothing was changed/);
    expect(() => a.command({ kind: "switch-outbound", tunnel: "t", childSa: "nope" })).toThrow(/no Child SA/);
    expect(() => a.command({ kind: "remove-tunnel", tunnel: "nope" })).toThrow(/no tunnel/);
    a.tun.fromHost(
      buildPacket({
        family: 4,
        protocol: "icmp",
        flow: 1,
        payload: icmp(),
        destination: Uint8Array.of(10, 3, 0, 1),
      }),
    );
    a.turn();
    expect(a.drops()).toEqual({ "no-route": 1 });
  });
});

describe("as a router", () => {
  /** c is the transit gateway: a tunnel to a and one to b. */
  function transit(): MemoryPlane {
    const c = new MemoryPlane({ network, settings: { routerAddresses: ["10.3.0.1"] } });
    c.command({ kind: "add-seat", seat: "s", epoch: 1, addresses: [C] });
    const link = (tunnel: string, remote: string, spiIn: number, spiOut: number, prefix: string) => {
      c.command({ kind: "add-tunnel", tunnel, connection: tunnel, seat: "s", remote });
      const sa = sampleSa({ id: tunnel, local: C, remote, spiIn, spiOut });
      c.command({ kind: "add-child-sa", tunnel, sa, sequence: { first: 1, limit: 1000 } });
      c.command({ kind: "switch-outbound", tunnel, childSa: tunnel });
      c.command({ kind: "fib", set: [{ prefix, tunnels: [tunnel], source: "bgp" }], remove: [] });
    };
    link("to-a", A, 0x1002, 0x1001, "10.1.0.0/16");
    link("to-b", B, 0x1001, 0x1002, "10.2.0.0/16");
    a.command({ kind: "move-endpoint", childSa: "sa", remote: C, remotePort: 4500 });
    return c;
  }

  it("carries transit traffic and counts the TTL down", () => {
    const c = transit();
    a.tun.fromHost(buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(10), ttl: 9 }));
    a.turn();
    c.turn();
    b.turn();
    const packet = b.tun.toHost[0]!.slice(10);
    expect(packet[8]).toBe(8);
    expect(sum16(packet.slice(0, 20))).toBe(0xffff);
    expect(c.tun.toHost).toHaveLength(0);
  });

  it("answers an expired TTL through the tunnel that it came from", () => {
    const c = transit();
    a.tun.fromHost(buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(10), ttl: 1 }));
    a.turn();
    c.turn();
    a.turn();
    expect(c.drops()).toEqual({ "ttl-expired": 1 });
    const error = a.tun.toHost[0]!.slice(10);
    expect([...error.slice(12, 20)]).toEqual([10, 3, 0, 1, 10, 1, 0, 1]);
    expect([error[20], error[21]]).toEqual([11, 0]);
    expect(sum16(error.slice(20))).toBe(0xffff);
  });

  it("never sends a packet back to where it came from", () => {
    const c = transit();
    c.command({
      kind: "fib",
      set: [{ prefix: "10.2.0.0/16", tunnels: ["to-a"], source: "bgp" }],
      remove: [],
    });
    pass();
    c.turn();
    expect(c.drops()).toEqual({ "loop-refused": 1 });
  });

  it.each([
    [4, 3, 4],
    [6, 2, 0],
  ] as const)("tells the MTU when a packet does not fit, IPv%i", (family, type, code) => {
    a.tun.fromHost(buildPacket({ family, protocol: "udp", flow: 1, payload: new Uint8Array(1450) }));
    a.turn();
    const error = a.tun.toHost[0]!.slice(10);
    const at = family === 4 ? 20 : 40;
    expect([error[at], error[at + 1]]).toEqual([type, code]);
    expect(new DataView(error.buffer).getUint32(at + 4)).toBe(1438);
    if (family === 6) expect(checksumOk(error)).toBe(true);
  });

  it("answers no packet to a group, no ICMP error and no later fragment", () => {
    const to = (destination: number[], more: object = {}) =>
      a.tun.fromHost(
        buildPacket({
          family: 4,
          protocol: "udp",
          flow: 1,
          payload: new Uint8Array(8),
          destination: Uint8Array.from(destination),
          ...more,
        }),
      );
    to([224, 0, 0, 1]);
    to([10, 9, 0, 1], { source: Uint8Array.of(0, 0, 0, 0) });
    const error = buildPacket({
      family: 4,
      protocol: "icmp",
      flow: 1,
      payload: new Uint8Array(28),
      destination: Uint8Array.of(10, 9, 0, 1),
    });
    error[20] = 3;
    a.tun.fromHost(error);
    const fragment = buildPacket({
      family: 4,
      protocol: "udp",
      flow: 1,
      payload: new Uint8Array(8),
      destination: Uint8Array.of(10, 9, 0, 1),
    });
    fragment[7] = 10;
    a.tun.fromHost(fragment);
    a.turn();
    expect(a.drops()).toEqual({ "no-route": 4 });
    expect(a.tun.toHost).toHaveLength(0);
    to([10, 9, 0, 1]);
    a.turn();
    expect(a.tun.toHost).toHaveLength(1);
  });

  it("fragments before encryption when DF is clear, and the parts make the whole", () => {
    const payload = new Uint8Array(4000).map((_, i) => i & 0xff);
    const whole = buildPacket({ family: 4, protocol: "udp", flow: 1, payload, df: false, id: 77 });
    a.tun.fromHost(whole);
    a.turn();
    b.turn();
    const parts = b.tun.toHost.map((frame) => frame.slice(10));
    expect(parts.length).toBe(3);
    const body = new Uint8Array(whole.length - 20);
    for (const part of parts) {
      expect(sum16(part.slice(0, 20))).toBe(0xffff);
      expect(part.length).toBeLessThanOrEqual(1438);
      body.set(part.slice(20), (new DataView(part.buffer).getUint16(6) & 0x1fff) * 8);
    }
    expect(body).toEqual(whole.slice(20));
    expect(parts.map((part) => part[6]! & 0x20)).toEqual([0x20, 0x20, 0]);
  });

  it("fragments the segments of a super-packet that are too long", () => {
    const whole = buildPacket({
      family: 4,
      protocol: "tcp",
      flow: 1,
      payload: new Uint8Array(2900),
      df: false,
    });
    const { packet, header } = superFrame(whole, 1450);
    a.tun.fromHost(packet, header);
    a.turn();
    b.turn();
    expect(b.tun.toHost).toHaveLength(4);
  });

  it("clamps the MSS of SYN segments, and mends the checksum", () => {
    const syn = (mss: number) =>
      buildPacket({
        family: 4,
        protocol: "tcp",
        flow: 1,
        payload: new Uint8Array(0),
        flags: 2,
        options: Uint8Array.of(1, 1, 1, 1, 2, 4, mss >> 8, mss & 255),
      });
    for (const mss of [1460, 1200]) a.tun.fromHost(syn(mss));
    a.turn();
    b.turn();
    const got = b.tun.toHost.map((frame) => frame.slice(10));
    expect(got.map((p) => new DataView(p.buffer).getUint16(46))).toEqual([1350, 1200]);
    expect(got.every(checksumOk)).toBe(true);
  });

  it.each([
    // RFC 6040 §4.2, figure 4: inner, outer on arrival, inner after; undefined is a drop
    [0, 0, 0],
    [0, 3, undefined],
    [2, 3, 3],
    [2, 1, 1],
    [1, 2, 1],
    [1, 3, 3],
    [3, 0, 3],
  ] as const)("combines ECN: inner %i and outer %i give %j", (inner, outer, expected) => {
    network.link = (datagram) => {
      (datagram as { tos: number }).tos = outer;
      return true;
    };
    const relay = network.deliver.bind(network);
    network.deliver = (kind, datagram, port) => relay(kind, { ...datagram, tos: outer }, port);
    a.tun.fromHost(
      buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(8), tos: inner }),
    );
    a.turn();
    b.turn();
    const packet = b.tun.toHost[0]?.slice(10);
    expect(packet === undefined ? undefined : packet[1]! & 3).toBe(expected);
    if (packet !== undefined) expect(sum16(packet.slice(0, 20))).toBe(0xffff);
    if (expected === undefined) expect(b.drops()).toEqual({ "ecn-illegal": 1 });
  });

  it("copies DSCP and ECN outwards (RFC 4301 §5.1.2, RFC 6040 §4.1)", () => {
    const seen: number[] = [];
    network.link = (datagram) => seen.push(datagram.tos) > 0;
    a.tun.fromHost(
      buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(8), tos: 0xba }),
    );
    a.turn();
    expect(seen).toEqual([0xba]);
  });
});
