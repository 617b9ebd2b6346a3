/** Bad input and full queues: each is counted by name, and forwarding goes on. */
import { EVERYTHING, sampleSa } from "@tandem/esp/testing";
import { Errno } from "@tandem/linux";
import { MemoryNetwork } from "@tandem/linux/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { installTunnel, MemoryPlane } from "../../src/testing/memory-plane.ts";
import { buildPacket } from "./packet-model.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";

let network: MemoryNetwork;
let a: MemoryPlane;
let b: MemoryPlane;
/** Datagrams on the outside link; `lose` keeps them from arriving. */
let wire: Uint8Array[];
let lose: boolean;

beforeEach(() => {
  network = new MemoryNetwork();
  a = new MemoryPlane({ network });
  b = new MemoryPlane({ network });
  wire = [];
  lose = false;
  network.link = (datagram) => {
    wire.push(datagram.bytes.slice());
    return !lose;
  };
  installTunnel(a, { local: A, remote: B, spiIn: 0x1001, spiOut: 0x1002 }, ["10.2.0.0/16", "fd02::/16"]);
  installTunnel(
    b,
    {
      local: B,
      remote: A,
      spiIn: 0x1002,
      spiOut: 0x1001,
      more: {
        remoteSelectors: [{ ...EVERYTHING[0]!, startAddress: "10.1.0.0", endAddress: "10.1.255.255" }],
      },
    },
    ["10.1.0.0/16"],
  );
});

const icmp = (flow = 1) =>
  buildPacket({ family: 4, protocol: "icmp", flow, payload: new Uint8Array(56).fill(flow) });

/** One good packet goes through: forwarding goes on. */
function stillForwards(): void {
  const before = b.tun.toHost.length;
  lose = false;
  a.tun.fromHost(icmp(9));
  a.turn();
  b.turn();
  expect(b.tun.toHost.length).toBe(before + 1);
}

/** A sealed packet as it stands on the wire, which has not arrived. */
function sealed(packet = icmp()): Uint8Array {
  lose = true;
  a.tun.fromHost(packet);
  a.turn();
  lose = false;
  return wire.at(-1)!;
}

/** Hands bytes to b's port 4500, or to port 50's socket. */
function inject(bytes: Uint8Array, from = "203.0.113.5"): void {
  network.deliver("udp", { from, fromPort: 4500, to: B, tos: 0, segmentSize: bytes.length, bytes }, 4500);
  b.turn();
}

function alsoSendIt(packet: Uint8Array): Uint8Array {
  inject(packet);
  return packet;
}

/** A repeatable source of 16-bit numbers. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 16;
  };
}

describe("from the outside", () => {
  it.each([
    ["a replayed packet", alsoSendIt, { "replay-seen": 1 }],
    ["a wrong ICV", (p: Uint8Array) => p.with(p.length - 1, p.at(-1)! ^ 1), { "bad-icv": 1 }],
    ["a flipped bit in the payload", (p: Uint8Array) => p.with(30, p[30]! ^ 4), { "bad-icv": 1 }],
    ["an unknown SPI", (p: Uint8Array) => p.with(0, 0x77), { "unknown-spi": 1 }],
    ["a truncated packet", (p: Uint8Array) => p.slice(0, 20), { "esp-truncated": 1 }],
    [
      "a packet cut to no multiple of four",
      (p: Uint8Array) => p.slice(0, p.length - 3),
      { "esp-unaligned": 1 },
    ],
    ["three bytes", () => Uint8Array.of(1, 2, 3), { "outer-not-esp": 1 }],
    ["nothing at all", () => new Uint8Array(0), { "outer-not-esp": 1 }],
    ["a NAT keepalive", () => Uint8Array.of(0xff), { keepalive: 1 }],
  ] as const)("%s", (_name, damage, drops) => {
    inject(damage(sealed()), A);
    expect(b.drops()).toEqual(drops);
    stillForwards();
  });

  it("an authentic packet whose inner source is outside the selectors", () => {
    inject(
      sealed(
        buildPacket({
          family: 4,
          protocol: "icmp",
          flow: 1,
          payload: new Uint8Array(8),
          source: Uint8Array.of(172, 16, 0, 1),
        }),
      ),
    );
    expect(b.drops()).toEqual({ "selector-mismatch": 1 });
    expect(b.tun.toHost).toHaveLength(0);
    stillForwards();
  });

  it("an authentic packet from another address is delivered and told once", () => {
    inject(sealed());
    inject(sealed());
    expect(b.tun.toHost).toHaveLength(2);
    expect(b.events).toEqual([
      { kind: "endpoint-moved", childSa: "sa", remote: "203.0.113.5", remotePort: 4500 },
    ]);
  });

  it("random bytes of every length", () => {
    const random = numbers(1);
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, random);
      inject(bytes);
      if (length >= 4) inject(Uint8Array.from([0, 0, 0x10, 0x02, ...bytes]));
    }
    expect(b.tun.toHost).toHaveLength(0);
    stillForwards();
  });

  it("IKE goes to the main thread without its marker", () => {
    inject(Uint8Array.of(0, 0, 0, 0, 7, 8, 9), "198.51.100.7");
    expect(b.events).toEqual([
      {
        kind: "ike",
        local: B,
        localPort: 4500,
        remote: "198.51.100.7",
        remotePort: 4500,
        payload: Uint8Array.of(7, 8, 9),
      },
    ]);
  });
});

describe("from the inside", () => {
  it.each([
    ["no IP packet", Uint8Array.of(0x15, 1, 2, 3), undefined, { "not-ip": 1 }],
    [
      "no route",
      buildPacket({
        family: 4,
        protocol: "icmp",
        flow: 1,
        payload: new Uint8Array(8),
        destination: Uint8Array.of(10, 9, 0, 1),
      }),
      undefined,
      { "no-route": 1 },
    ],
    ["a checksum field past the end", icmp(), [1, 0, 0, 0, 0, 0, 200, 0, 16, 0], { "malformed-offload": 1 }],
    [
      "TCP segmentation of what is no TCP",
      icmp(),
      [1, 1, 40, 0, 100, 0, 20, 0, 16, 0],
      { "malformed-offload": 1 },
    ],
    [
      "segments of nothing",
      buildPacket({ family: 4, protocol: "tcp", flow: 1, payload: new Uint8Array(500) }),
      [1, 1, 40, 0, 0, 0, 20, 0, 16, 0],
      { "malformed-offload": 1 },
    ],
    [
      "UFO, which was not agreed on",
      buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(500) }),
      [1, 3, 28, 0, 100, 0, 20, 0, 6, 0],
      { "malformed-offload": 1 },
    ],
    [
      "too long with DF",
      buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(1500) }),
      undefined,
      { "too-big": 1 },
    ],
    [
      "too long over IPv6",
      buildPacket({ family: 6, protocol: "udp", flow: 1, payload: new Uint8Array(1500) }),
      undefined,
      { "too-big": 1 },
    ],
  ] as const)("%s", (_name, packet, header, drops) => {
    a.tun.fromHost(packet, header === undefined ? undefined : Uint8Array.from(header));
    a.turn();
    expect(a.drops()).toEqual(drops);
    expect(wire).toHaveLength(0); // nothing went out, in clear least of all
    stillForwards();
  });

  it("random packets and virtio headers never get out unsealed and never stop the loop", () => {
    const random = numbers(7);
    for (let i = 0; i < 3000; i++) {
      const protocol = (["tcp", "udp", "icmp"] as const)[random() % 3]!;
      const packet = buildPacket({
        family: random() % 2 === 0 ? 4 : 6,
        protocol,
        flow: 1,
        payload: new Uint8Array(random() % 3000),
      });
      for (let k = random() % 4; k > 0; k--) packet[random() % Math.min(packet.length, 64)] = random();
      const header = Uint8Array.from({ length: 10 }, () => random());
      header[1] = random() % 6;
      a.tun.fromHost(packet.slice(0, 1 + (random() % packet.length)), header);
      a.turn();
    }
    for (const datagram of wire) expect(new DataView(datagram.buffer).getUint32(0)).toBe(0x1002);
    stillForwards();
  });
});

describe("full queues and broken devices", () => {
  it("a socket that stays full loses packets by name", () => {
    for (const [code, name] of [
      [Errno.EAGAIN, "socket-full"],
      [Errno.ENOBUFS, "socket-full"],
      [Errno.ENETUNREACH, "socket-error"],
    ] as const) {
      const own = new MemoryNetwork();
      const plane = new MemoryPlane({ network: failing(own, code) });
      installTunnel(plane, { local: A, remote: B, spiIn: 1, spiOut: 2 }, ["10.2.0.0/16"]);
      for (let i = 0; i < 5; i++) plane.tun.fromHost(icmp(i + 1));
      plane.turn();
      expect(plane.drops()).toEqual({ [name]: 5 });
    }
  });

  it("segmentation that an interface refuses gives way to single datagrams", () => {
    const own = new MemoryNetwork();
    const plane = new MemoryPlane({ network: failing(own, Errno.EIO, true) });
    installTunnel(plane, { local: A, remote: B, spiIn: 1, spiOut: 2 }, ["10.2.0.0/16"]);
    const sizes: number[] = [];
    own.link = (d) => sizes.push(d.bytes.length) > 0;
    for (let i = 0; i < 3; i++) plane.tun.fromHost(icmp(i + 1));
    plane.turn();
    expect(sizes).toHaveLength(3);
    expect(plane.drops()).toEqual({});
  });

  it("a TUN that is down loses packets by name, and comes back", () => {
    const write = b.tun.write.bind(b.tun);
    b.tun.write = () => -Errno.EIO;
    a.tun.fromHost(icmp());
    a.turn();
    b.turn();
    b.tun.write = () => -Errno.ENOBUFS;
    a.tun.fromHost(icmp());
    a.turn();
    b.turn();
    expect(b.drops()).toEqual({ "tun-error": 1, "tun-full": 1 });
    b.tun.write = write;
    stillForwards();
  });

  it("no reserved sequence number, no packet; a new block, and it goes on", () => {
    const plane = new MemoryPlane({ network: new MemoryNetwork() });
    const sa = sampleSa({ local: A, remote: B, spiIn: 1, spiOut: 2 });
    plane.command({ kind: "add-seat", seat: "s", epoch: 1, addresses: [A] });
    plane.command({ kind: "add-tunnel", tunnel: "t", connection: "c", seat: "s", remote: B });
    plane.command({ kind: "add-child-sa", tunnel: "t", sa, sequence: { first: 1, limit: 5 } });
    plane.command({ kind: "switch-outbound", tunnel: "t", childSa: "sa" });
    plane.command({
      kind: "fib",
      set: [{ prefix: "10.2.0.0/16", tunnels: ["t"], source: "static" }],
      remove: [],
    });
    for (let i = 0; i < 6; i++) {
      plane.tun.fromHost(icmp());
      plane.turn();
    }
    expect(plane.drops()).toEqual({ "no-sequence": 2 });
    expect(plane.events).toEqual([{ kind: "need-sequence", childSa: "sa", reservedUpTo: 5 }]); // asked once, early
    plane.command({ kind: "reserve-sequence", childSa: "sa", block: { first: 5, limit: 100 } });
    plane.tun.fromHost(icmp());
    plane.turn();
    expect(plane.drops()).toEqual({ "no-sequence": 2 });
  });

  it("a port in use refuses the seat whole", () => {
    const own = new MemoryNetwork();
    const plane = new MemoryPlane({ network: own });
    plane.command({ kind: "add-seat", seat: "x", epoch: 1, addresses: [A] });
    expect(() => plane.command({ kind: "add-seat", seat: "y", epoch: 1, addresses: [B, A] })).toThrow(
      /port 500/,
    );
    plane.command({ kind: "add-seat", seat: "z", epoch: 1, addresses: [B] }); // nothing of y stayed open
  });
});

/** A network whose sockets refuse to send with `code`; only segmented sends when `segmented`. */
function failing(inner: MemoryNetwork, code: number, segmented = false): MemoryNetwork {
  const open = inner.openUdpSocket.bind(inner);
  inner.openUdpSocket = (arena, options) => {
    const socket = open(arena, options);
    const send = socket.send.bind(socket);
    socket.send = (path, offset, length, segment, tos) =>
      !segmented || segment < length ? -code : send(path, offset, length, segment, tos);
    return socket;
  };
  return inner;
}
