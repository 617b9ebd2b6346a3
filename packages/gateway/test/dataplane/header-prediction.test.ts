/**
 * Segments that follow each other are taken for the next one of their super-packet by a few comparisons. Each way in which
 * one in the middle can differ must still come out as it went in, in order, and every packet that was not plainly the next
 * one must have been looked at in full.
 */
import { sampleSa } from "@tandem/esp/testing";
import { createArenaOver, createEvpBackend } from "@tandem/linux";
import { MemoryNetwork } from "@tandem/linux/testing";
import { describe, expect, it } from "vitest";
import { simdChecksum } from "../../src/dataplane/checksum.ts";
import { LoopCounter } from "../../src/dataplane/shared-counters.ts";
import { createWasmMemory } from "../../src/dataplane/wasm-checksum.ts";
import { installTunnel, MemoryPlane } from "../../src/testing/memory-plane.ts";
import {
  buildPacket,
  expandFrame,
  fixChecksum,
  type PacketShape,
  sum16,
  withoutAtomicId,
} from "./packet-model.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const COUNT = 8;
const SIZE = 400;
/** The packet that differs: joins have begun, and go on behind it. */
const ODD = 4;

type Change = (packet: Uint8Array) => void;

const payload = (index: number, length = SIZE): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + index) & 0xff);

function segment(shape: Partial<PacketShape>, index: number): Uint8Array {
  const body = payload(index);
  return buildPacket({
    family: 4,
    protocol: "tcp",
    flow: 1,
    id: 100 + index,
    df: false,
    seq: 5000 + index * SIZE,
    ack: 77,
    options:
      shape.protocol === "udp" ? new Uint8Array(0) : Uint8Array.from([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
    payload: body,
    ...shape,
  });
}

/** With OpenSSL, which decrypts before it knows whether a packet is authentic. */
function pair(): { a: MemoryPlane; b: MemoryPlane; network: MemoryNetwork } {
  const network = new MemoryNetwork();
  const plane = (): MemoryPlane => {
    const memory = createWasmMemory(32);
    return new MemoryPlane({
      network,
      settings: { mssClamp: 0 },
      backend: createEvpBackend(),
      arena: createArenaOver(memory.buffer),
      checksum: simdChecksum(memory),
    });
  };
  const [a, b] = [plane(), plane()];
  installTunnel(a, { local: A, remote: B, spiIn: 0x1001, spiOut: 0x1002 }, ["10.2.0.0/16", "fd02::/16"]);
  installTunnel(b, { local: B, remote: A, spiIn: 0x1002, spiOut: 0x1001 }, ["10.1.0.0/16", "fd01::/16"]);
  return { a, b, network };
}

function through({ a, b }: { a: MemoryPlane; b: MemoryPlane }, packets: readonly Uint8Array[]): Uint8Array[] {
  for (const packet of packets) a.tun.fromHost(packet);
  a.turn(4);
  b.turn(4);
  return b.tun.toHost;
}

const ipChecksum = (packet: Uint8Array): void => {
  packet.fill(0, 10, 12);
  new DataView(packet.buffer).setUint16(10, ~sum16(packet.slice(0, 20)) & 0xffff);
};
/** A byte of the IP header, with its checksum made good. */
const ip4 =
  (at: number, value: number): Change =>
  (packet) => {
    packet[at] = value;
    ipChecksum(packet);
    fixChecksum(packet);
  };
const byte =
  (at: number, value: number): Change =>
  (packet) => {
    packet[at] = value;
    fixChecksum(packet);
  };

/** What is written otherwise than it came only because it means nothing. */
const hex = (packet: Uint8Array): string => Buffer.from(withoutAtomicId(packet)).toString("hex");

const IP4: Record<string, Change> = {
  "type of service": ip4(1, 0xb8),
  "identification out of turn": ip4(5, 200),
  DF: ip4(6, 0x40),
  "time to live": ip4(8, 63),
  "source address": ip4(15, 9),
  "destination address": ip4(19, 9),
};
/** One byte counted up and another down, which sums do not notice. */
const shift =
  (up: number, down: number): Change =>
  (packet) => {
    packet[up] = packet[up]! + 1;
    packet[down] = packet[down]! - 1;
  };
const TCP4: Record<string, Change> = {
  ...IP4,
  "both addresses": shift(15, 19),
  "both ports": shift(21, 23),
  "time to live and identification": shift(8, 4),
  "source port": byte(21, 9),
  "destination port": byte(23, 9),
  "sequence number": byte(27, 1),
  acknowledgement: byte(31, 78),
  PSH: byte(33, 0x18),
  FIN: byte(33, 0x11),
  URG: byte(33, 0x30),
  ECE: byte(33, 0x50),
  CWR: byte(33, 0x90),
  window: byte(35, 1),
  options: byte(47, 3),
  "TCP checksum wrong": (packet) => {
    packet[36] = packet[36]! ^ 1;
  },
  "payload damaged before the tunnel": (packet) => {
    packet[300] = packet[300]! ^ 0x80;
  },
  "IP checksum wrong": (packet) => {
    packet[10] = packet[10]! ^ 1;
  },
};
const UDP4: Record<string, Change> = {
  ...IP4,
  "source port": byte(21, 9),
  "no checksum": (packet) => packet.fill(0, 26, 28),
  "checksum wrong": (packet) => {
    packet[27] = packet[27]! ^ 1;
  },
};
const TCP6: Record<string, Change> = {
  "both addresses": shift(23, 39),
  "traffic class": byte(1, 0x80),
  "flow label": byte(3, 7),
  "hop limit": byte(7, 63),
  "source address": byte(23, 9),
  "destination address": byte(39, 9),
  "sequence number": byte(47, 1),
  PSH: byte(53, 0x18),
};

const KINDS: readonly [string, Partial<PacketShape>, Record<string, Change>][] = [
  ["TCP over IPv4", {}, TCP4],
  ["TCP over IPv4 with DF", { df: true, id: 0 }, TCP4],
  ["UDP over IPv4", { protocol: "udp" }, UDP4],
  ["TCP over IPv6", { family: 6 }, TCP6],
];

describe.each(KINDS)("%s, segments in a row", (_, shape, changes) => {
  it("leave in one super-packet", () => {
    const sent = Array.from({ length: COUNT }, (_unused, i) => segment(shape, i));
    const frames = through(pair(), sent);
    expect(frames).toHaveLength(1);
    expect(frames.flatMap(expandFrame).map(hex)).toEqual(sent.map(hex));
  });

  it.each(Object.entries(changes))("one differs in %s: all come out as they went in", (_name, change) => {
    const sent = Array.from({ length: COUNT }, (_unused, i) => segment(shape, i));
    change(sent[ODD]!);
    const frames = through(pair(), sent);
    const odd = hex(sent[ODD]!);
    const got = frames.flatMap(expandFrame).map(hex);
    const others = (list: string[]): string[] => list.filter((one) => one !== odd);
    expect(others(got)).toEqual(others(sent.map(hex)));
    expect(got).toContain(odd);
    expect(got).toHaveLength(COUNT);
  });

  it.each([SIZE - 1, SIZE + 1, 1])("one of %i bytes of payload comes out as it went in", (length) => {
    const sent = Array.from({ length: COUNT }, (_unused, i) =>
      segment(i === ODD ? { ...shape, payload: payload(i, length) } : shape, i),
    );
    const got = through(pair(), sent).flatMap(expandFrame).map(hex);
    expect(got).toEqual(sent.map(hex));
  });
});

describe("segments in a row", () => {
  const sent = Array.from({ length: COUNT }, (_, i) => segment({}, i));

  it("are counted one by one", () => {
    const planes = pair();
    const before = planes.b.counters[LoopCounter.segmentsIn]!;
    through(planes, sent);
    expect(planes.b.counters[LoopCounter.segmentsIn]! - before).toBe(COUNT);
  });

  it.each([
    ["damaged", {}, { "bad-icv": 1 }],
    ["damaged in its ICV", {}, { "bad-icv": 1 }],
    ["repeated", {}, { "replay-seen": 1 }],
    ["repeated", { protocol: "udp", df: true, id: 0 }, { "replay-seen": 1 }],
    ["missing", {}, { "unknown-spi": 1 }],
  ] as const)("one that is %s is noticed (%j)", (what, shape, drops) => {
    const row = Array.from({ length: COUNT }, (_, i) => segment(shape, i));
    const planes = pair();
    planes.network.link = ({ bytes, segmentSize }) => {
      const at = ODD * segmentSize;
      if (what === "damaged") bytes[at + 60] = bytes[at + 60]! ^ 1;
      else if (what === "damaged in its ICV") bytes[at + segmentSize - 1] = bytes[at + segmentSize - 1]! ^ 1;
      else if (what === "repeated") bytes.copyWithin(at, at - segmentSize, at);
      else bytes.fill(0xff, at, at + 4); // another SPI
      return true;
    };
    const got = through(planes, row).flatMap(expandFrame).map(hex);
    expect(planes.b.drops()).toEqual(drops);
    expect(got).toEqual(row.filter((_one, i) => i !== ODD).map(hex));
  });

  it("are all remembered: none of them comes in twice", () => {
    const planes = pair();
    let recorded: { bytes: Uint8Array; segmentSize: number } | undefined;
    planes.network.link = ({ bytes, segmentSize }) => {
      if (recorded === undefined) recorded = { bytes: bytes.slice(), segmentSize };
      else bytes.set(recorded.bytes);
      return true;
    };
    through(planes, sent);
    expect(planes.b.drops()).toEqual({});
    through(planes, sent);
    expect(planes.b.drops()).toEqual({ "replay-seen": COUNT });
  });

  it("are all captured, and all marked when the outside was congested", () => {
    const planes = pair();
    planes.b.command({ kind: "capture", on: true });
    through(planes, sent);
    const inner = planes.b.events.filter((e) => e.kind === "captured" && e.interface === "inside");
    expect(inner).toHaveLength(COUNT);

    const marked = pair();
    const relay = marked.network.deliver.bind(marked.network);
    marked.network.deliver = (kind, datagram, port) => relay(kind, { ...datagram, tos: 3 }, port);
    const capable = Array.from({ length: COUNT }, (_, i) => segment({ tos: 2 }, i));
    const got = through(marked, capable).flatMap(expandFrame);
    expect(got.map((packet) => packet[1]! & 3)).toEqual(new Array(COUNT).fill(3));
  });

  it("are held against the selectors of the SA that brings them", () => {
    const planes = pair();
    const icmpOnly = [
      { startAddress: "0.0.0.0", endAddress: "255.255.255.255", protocol: 1, startPort: 0, endPort: 65535 },
    ];
    const ends = { id: "sa2", spiIn: 0x2001, spiOut: 0x2002 };
    const sequence = { first: 1, limit: 1000 };
    planes.b.command({
      kind: "add-child-sa",
      tunnel: "t",
      sa: sampleSa({
        ...ends,
        local: B,
        remote: A,
        spiIn: 0x2002,
        spiOut: 0x2001,
        more: { remoteSelectors: icmpOnly },
      }),
      sequence,
    });
    planes.a.command({
      kind: "add-child-sa",
      tunnel: "t",
      sa: sampleSa({ ...ends, local: A, remote: B }),
      sequence,
    });
    const { a, b } = planes;
    for (const packet of sent.slice(0, 4)) a.tun.fromHost(packet);
    a.turn();
    a.command({ kind: "switch-outbound", tunnel: "t", childSa: "sa2" });
    // As long as the segments, so that it looks like one from outside.
    const ping = buildPacket({ family: 4, protocol: "icmp", flow: 2, payload: new Uint8Array(SIZE + 24) });
    for (const packet of [ping, ...sent.slice(4)]) a.tun.fromHost(packet);
    a.turn();
    b.turn(4);
    expect(b.drops()).toEqual({ "selector-mismatch": 4 });
    expect(b.tun.toHost.flatMap(expandFrame)).toHaveLength(5);
  });

  it("stop at a limit of packets in the middle", () => {
    const planes = pair();
    const limits = { hardPackets: 5 };
    const sa = { id: "sa2", local: A, remote: B, spiIn: 0x2001, spiOut: 0x2002 };
    const back = { id: "sa2", local: B, remote: A, spiIn: 0x2002, spiOut: 0x2001, more: { limits } };
    const sequence = { first: 1, limit: 1000 };
    planes.b.command({ kind: "add-child-sa", tunnel: "t", sa: sampleSa(back), sequence });
    planes.a.command({ kind: "add-child-sa", tunnel: "t", sa: sampleSa(sa), sequence });
    planes.a.command({ kind: "switch-outbound", tunnel: "t", childSa: "sa2" });
    const got = through(planes, sent).flatMap(expandFrame);
    expect(got).toHaveLength(4);
    expect(planes.b.drops()).toEqual({ "lifetime-ended": 4 });
  });
});
