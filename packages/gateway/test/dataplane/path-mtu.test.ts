/** Path MTUs learned from routers: which messages are believed, what they change, and when that is forgotten. */
import { sampleSa } from "@tandem/esp/testing";
import { Errno } from "@tandem/linux";
import { MemoryNetwork } from "@tandem/linux/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { Explanation } from "../../src/dataplane/explain.ts";
import { LoopCounter } from "../../src/dataplane/shared-counters.ts";
import { installTunnel, MemoryPlane } from "../../src/testing/memory-plane.ts";
import { buildPacket, sum16 } from "./packet-model.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const C = "192.0.2.3";
const ROUTER = "203.0.113.9";
const SPI_OUT = 0x1002;

let network: MemoryNetwork;
let a: MemoryPlane;
let now: number;

beforeEach(() => {
  now = 0;
  network = new MemoryNetwork();
  a = new MemoryPlane({ network, settings: { routerAddresses: ["10.1.0.254"] }, now: () => now });
  installTunnel(a, { local: A, remote: B, spiIn: 0x1001, spiOut: SPI_OUT }, ["10.2.0.0/16"]);
  for (let i = 0; i < 20; i++) send(100);
});

function send(payload: number): void {
  a.tun.fromHost(
    buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(payload), df: true }),
  );
  a.turn();
}

interface Quote {
  readonly mtu?: number;
  readonly code?: number;
  readonly length?: number;
  readonly df?: boolean;
  readonly from?: readonly number[];
  readonly to?: readonly number[];
  readonly ports?: readonly [number, number];
  readonly spi?: number;
  readonly sequence?: number;
  readonly quoted?: number;
  readonly checksum?: number;
}

/** An ICMP message about an ESP packet in UDP from A to B; what is not given is as it would truly be. */
function tooBig(quote: Quote = {}): Uint8Array {
  const bytes = new Uint8Array(8 + 20 + 8 + 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x0300 + (quote.code ?? 4));
  view.setUint16(6, quote.mtu ?? 1300);
  view.setUint16(8, 0x4500);
  view.setUint16(10, quote.length ?? 1400);
  view.setUint16(14, quote.df === false ? 0 : 0x4000);
  view.setUint16(16, 0x3e11);
  bytes.set(quote.from ?? [192, 0, 2, 1], 20);
  bytes.set(quote.to ?? [192, 0, 2, 2], 24);
  view.setUint16(28, quote.ports?.[0] ?? 4500);
  view.setUint16(30, quote.ports?.[1] ?? 4500);
  view.setUint32(36, quote.spi ?? SPI_OUT);
  view.setUint32(40, quote.sequence ?? 20);
  const cut = bytes.slice(0, quote.quoted === undefined ? bytes.length : 8 + quote.quoted);
  new DataView(cut.buffer).setUint16(2, (~sum16(cut) & 0xffff) ^ (quote.checksum ?? 0));
  return cut;
}

function arrive(bytes: Uint8Array): void {
  network.deliver("icmp", { from: ROUTER, fromPort: 0, to: A, tos: 0, segmentSize: bytes.length, bytes }, 0);
  a.turn();
}

const innerMtu = (): number | undefined =>
  (
    a.command({
      kind: "explain",
      source: "10.1.0.1",
      destination: "10.2.0.1",
      protocol: 17,
      sourcePort: 1,
      destinationPort: 2,
    }) as Explanation
  ).childSa?.innerMtu;

const CONFIGURED = 1438;

describe("a router that says an ESP packet is too big", () => {
  it("is believed about a packet that was sent; senders inside are told what fits", () => {
    expect(innerMtu()).toBe(CONFIGURED);
    arrive(tooBig());
    expect(innerMtu()).toBe(1238); // 1300 - 20 - 8 - 8 - 8 - 16, whole words, less pad length and next header
    expect(a.counters[LoopCounter.pathMtuLowered]).toBe(1);
    send(1238 - 28);
    expect(a.drops()).toEqual({});
    send(1238 - 27);
    expect(a.drops()).toEqual({ "too-big": 1 });
    const error = a.tun.toHost.at(-1)!.slice(10);
    const view = new DataView(error.buffer, error.byteOffset);
    expect([error[9], view.getUint16(20), view.getUint16(26)]).toEqual([1, 0x0304, 1238]);
  });

  it("is forgotten after ten minutes, and survives a rekey until then", () => {
    arrive(tooBig());
    const sa = sampleSa({ id: "sa2", local: A, remote: B, spiIn: 0x2001, spiOut: 0x2002 });
    a.command({ kind: "add-child-sa", tunnel: "t", sa, sequence: { first: 1, limit: 100 } });
    a.command({ kind: "switch-outbound", tunnel: "t", childSa: "sa2" });
    expect(innerMtu()).toBe(1238);
    now = 599_000;
    a.turn();
    expect(innerMtu()).toBe(1238);
    now = 600_001;
    a.turn();
    expect(innerMtu()).toBe(CONFIGURED);
  });

  it("ends what a kernel that learned it earlier began: batches are sent whole again", () => {
    let refuses = true;
    const socket = network.openUdpSocket.bind(network);
    network.openUdpSocket = (arena, options) => {
      const real = socket(arena, options);
      const whole = real.send.bind(real);
      real.send = (path, offset, length, segment, tos) =>
        refuses && segment < length ? -Errno.EINVAL : whole(path, offset, length, segment, tos);
      return real;
    };
    a = new MemoryPlane({ network, now: () => now });
    installTunnel(a, { local: C, remote: B, spiIn: 0x1001, spiOut: SPI_OUT }, ["10.2.0.0/16"]);
    const segments: number[] = [];
    network.link = (datagram) => segments.push(datagram.bytes.length / datagram.segmentSize) > 0;
    const burst = (): number[] => {
      segments.length = 0;
      const packet = buildPacket({ family: 4, protocol: "udp", flow: 1, payload: new Uint8Array(100) });
      for (let i = 0; i < 3; i++) a.tun.fromHost(packet);
      a.turn();
      return [...segments];
    };
    expect(burst()).toEqual([1, 1, 1]);
    refuses = false;
    expect(burst()).toEqual([1, 1, 1]);
    const bytes = tooBig({ from: [192, 0, 2, 3], sequence: 6 });
    network.link = () => true;
    network.deliver("icmp", { from: ROUTER, fromPort: 0, to: C, tos: 0, segmentSize: 44, bytes }, 0);
    a.turn();
    network.link = (datagram) => segments.push(datagram.bytes.length / datagram.segmentSize) > 0;
    expect(burst()).toEqual([3]);
  });

  it("never raises what is known", () => {
    arrive(tooBig({ mtu: 1200 }));
    const lowered = innerMtu();
    arrive(tooBig({ mtu: 1300 }));
    expect(innerMtu()).toBe(lowered);
  });

  it("never gets below what every link carries", () => {
    arrive(tooBig({ mtu: 68 }));
    expect(innerMtu()).toBe(514); // of 576
  });

  it("may name no MTU: the next plateau is taken", () => {
    arrive(tooBig({ mtu: 0, length: 1400 }));
    expect(innerMtu()).toBe(942); // of 1006
  });

  it.each<[string, Quote]>([
    ["another SPI", { spi: 0x1003 }],
    ["another peer", { to: [192, 0, 2, 3] }],
    ["another source", { from: [192, 0, 2, 7] }],
    ["other ports", { ports: [4500, 4501] }],
    ["a sequence number that has not been used", { sequence: 21 }],
    ["sequence number zero", { sequence: 0 }],
    ["a packet that might have been fragmented", { df: false }],
  ])("is not believed when it quotes %s", (_name, quote) => {
    arrive(tooBig(quote));
    expect(innerMtu()).toBe(CONFIGURED);
    expect(a.drops()).toEqual({ "icmp-untrusted": 1 });
  });

  it.each<[string, Quote]>([
    ["is of another code", { code: 3 }],
    ["has a wrong checksum", { checksum: 1 }],
    ["ends in front of the SPI", { quoted: 28 }],
    ["quotes no whole header", { quoted: 12 }],
    ["is no longer than the link takes", { length: 1300 }],
    ["quotes an IKE message", { spi: 0 }],
  ])("changes nothing when it %s", (_name, quote) => {
    arrive(tooBig(quote));
    expect(innerMtu()).toBe(CONFIGURED);
    expect(a.drops()).toEqual({});
  });

  it("is heard fifty times a second, not more", () => {
    for (let i = 0; i < 60; i++) arrive(tooBig({ spi: 0x9999 }));
    arrive(tooBig());
    expect(innerMtu()).toBe(CONFIGURED);
    expect(a.drops()).toEqual({ "icmp-untrusted": 61 });
    now = 1000;
    arrive(tooBig());
    expect(innerMtu()).toBe(1238);
  });

  it("random messages change nothing", () => {
    let state = 5;
    const random = (): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 16;
    };
    for (let i = 0; i < 2000; i++) {
      now += 100;
      const bytes = tooBig();
      for (let k = 0; k < 3; k++) bytes[8 + (random() % 28)] = random();
      const cut = bytes.slice(0, random() % (bytes.length + 1));
      if (cut.length > 3) {
        cut.fill(0, 2, 4);
        new DataView(cut.buffer).setUint16(2, ~sum16(cut) & 0xffff);
      }
      if (cut.length < bytes.length) arrive(cut);
    }
    expect(innerMtu()).toBe(CONFIGURED);
  });
});

describe("over IPv6", () => {
  const A6 = "2001:db8::1";
  const B6 = "2001:db8::2";

  it("a packet of 1280 bytes inside passes whatever the path takes: nobody could be told less", () => {
    installTunnelOver6();
    arrive6(1280);
    const inner = (payload: number) =>
      buildPacket({ family: 6, protocol: "udp", flow: 1, payload: new Uint8Array(payload) });
    const sent: number[] = [];
    network.link = (datagram) => sent.push(datagram.bytes.length) > 0;
    a.tun.fromHost(inner(1280 - 48));
    a.turn();
    expect(sent).toHaveLength(1);
    expect(a.drops()).toEqual({});
    a.tun.fromHost(inner(1280 - 47));
    a.turn();
    expect(a.drops()).toEqual({ "too-big": 1 });
  });

  function installTunnelOver6(): void {
    a = new MemoryPlane({ network, settings: { routerAddresses: ["fd01::fe"] }, now: () => now });
    installTunnel(a, { local: A6, remote: B6, spiIn: 0x1001, spiOut: SPI_OUT }, ["10.2.0.0/16", "fd02::/16"]);
    for (let i = 0; i < 3; i++) send(100);
  }

  function arrive6(mtu: number): void {
    const bytes = new Uint8Array(8 + 40 + 8 + 8);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0x0200);
    view.setUint32(4, mtu);
    view.setUint32(8, 0x60000000);
    view.setUint16(12, 1400);
    bytes[14] = 17;
    bytes.set([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 16);
    bytes.set([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 32);
    view.setUint16(48, 4500);
    view.setUint16(50, 4500);
    view.setUint32(56, SPI_OUT);
    view.setUint32(60, 2);
    network.deliver("icmp", { from: "2001:db8::9", fromPort: 0, to: A6, tos: 0, segmentSize: 64, bytes }, 0);
    a.turn();
    expect(a.counters[LoopCounter.pathMtuLowered]).toBe(1);
  }
});
