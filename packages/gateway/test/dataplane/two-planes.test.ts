/**
 * Issue's property: random mixes of packets (sizes, protocols, flows, families, offloaded or not) through two data planes
 * come out on the other side intact (fragments included) and in order per flow, for each suite and encapsulation, by each backend.
 */
import { noblePacketCipher } from "@tandem/crypto/noble";
import type { PacketCipherBackend } from "@tandem/esp";
import type { SampleSa } from "@tandem/esp/testing";
import { createArenaOver, createEvpBackend } from "@tandem/linux";
import { MemoryNetwork } from "@tandem/linux/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simdChecksum } from "../../src/dataplane/checksum.ts";
import { LoopCounter } from "../../src/dataplane/shared-counters.ts";
import { createWasmMemory } from "../../src/dataplane/wasm-checksum.ts";
import { installTunnel, MemoryPlane, type MemoryPlaneOptions } from "../../src/testing/memory-plane.ts";
import {
  asFragment,
  buildPacket,
  type Cut,
  expandFrame,
  flowOf,
  type PacketShape,
  reassemble,
  superFrame,
  withoutAtomicId,
} from "./packet-model.ts";

const A = { 4: "192.0.2.1", 6: "2001:db8::1" } as const;
const B = { 4: "192.0.2.2", 6: "2001:db8::2" } as const;
const ROUTES_A = ["10.2.0.0/16", "fd02::/16"];
const ROUTES_B = ["10.1.0.0/16", "fd01::/16"];

interface PairOptions {
  readonly suite?: SampleSa["suite"];
  readonly raw?: boolean;
  readonly outer?: 4 | 6;
  readonly esn?: boolean;
  readonly native?: boolean;
  readonly backend?: PacketCipherBackend;
}

function makePair(options: PairOptions = {}): { a: MemoryPlane; b: MemoryPlane; network: MemoryNetwork } {
  const network = new MemoryNetwork();
  const outer = options.outer ?? 4;
  const plane = (): MemoryPlane => {
    const base: MemoryPlaneOptions = {
      network,
      settings: { mssClamp: 0 },
      ...(options.backend && { backend: options.backend }),
    };
    if (!options.native) return new MemoryPlane(base);
    const memory = createWasmMemory(32);
    const backend: PacketCipherBackend = createEvpBackend();
    return new MemoryPlane({
      ...base,
      backend,
      arena: createArenaOver(memory.buffer),
      checksum: simdChecksum(memory),
    });
  };
  const a = plane();
  const b = plane();
  const common = {
    ...(options.suite && { suite: options.suite }),
    ...(options.raw && { raw: true }),
    more: { esn: options.esn ?? false },
  };
  installTunnel(
    a,
    { ...common, local: A[outer], remote: B[outer], spiIn: 0x1001, spiOut: 0x90000002 },
    ROUTES_A,
  );
  installTunnel(
    b,
    { ...common, local: B[outer], remote: A[outer], spiIn: 0x90000002, spiOut: 0x1001 },
    ROUTES_B,
  );
  return { a, b, network };
}

interface Sample {
  readonly shape: PacketShape;
  /** Payload per segment of a super-packet, or 0. */
  readonly gso: number;
  readonly cut: Cut;
}

const shape: fc.Arbitrary<Sample> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom("tcp" as const, "tcp" as const, "udp" as const, "icmp" as const),
    flow: fc.integer({ min: 1, max: 3 }),
    length: fc.oneof(
      fc.integer({ min: 0, max: 1300 }),
      fc.constant(1000),
      fc.integer({ min: 1001, max: 40000 }),
    ),
    tos: fc.constantFrom(0, 0, 0, 2, 0xb8),
    df: fc.boolean(),
    flags: fc.constantFrom(0x10, 0x10, 0x10, 0x18, 0x11, 0x50, 0x90),
    options: fc.constantFrom(0, 12),
    seed: fc.integer({ min: 0, max: 255 }),
    cut: fc.constantFrom<Cut>("whole", "whole", "whole", "whole", "first", "middle", "last"),
  })
  .map((r) => {
    // Too long for one segment: offloaded, or, where it may be cut, in fragments of our making.
    const cuttable =
      r.family === 4 && !r.df && (r.protocol === "icmp" || (r.protocol === "udp" && r.seed % 2 === 0));
    const gso = r.length > 1300 && r.protocol !== "icmp" && !cuttable ? 600 + (r.seed & ~1) : 0;
    const length = r.length <= 1300 || gso > 0 ? r.length : cuttable ? r.length % 5000 : r.length % 1300;
    const payload = Uint8Array.from({ length }, (_, i) => (i * 31 + r.seed) & 0xff);
    const options = r.protocol === "tcp" ? new Uint8Array(r.options).fill(1) : new Uint8Array(0);
    return { shape: { ...r, payload, options }, gso, cut: length <= 1300 ? r.cut : "whole" };
  });

/** Gives TCP packets of a flow contiguous numbers, as a sender does; every 7th is out of order. */
function numbered(list: readonly Sample[]): Sample[] {
  const next = new Map<string, number>();
  const ids = new Map<string, number>();
  return list.map(({ shape: s, gso, cut }, i) => {
    const key = `${s.family} ${s.protocol} ${s.flow}`;
    const seq = next.get(key) ?? 0xfffff000;
    next.set(key, (seq + s.payload.length + (i % 7 === 6 ? 100 : 0)) >>> 0);
    const id = ids.get(key) ?? 65530;
    ids.set(key, id + Math.max(1, Math.ceil(s.payload.length / (gso || 65536))));
    return { shape: { ...s, seq, id: id & 0xffff }, gso, cut };
  });
}

function byFlow(packets: readonly Uint8Array[]): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const packet of packets) {
    const flow = flowOf(packet);
    const list = out.get(flow) ?? [];
    list.push(Buffer.from(withoutAtomicId(packet)).toString("hex"));
    out.set(flow, list);
  }
  return out;
}

function passes(options: PairOptions, runs: number): void {
  let fragmented = 0;
  fc.assert(
    fc.property(
      fc.array(shape, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (raw, burst) => {
        const { a, b } = makePair(options);
        const sent: Uint8Array[] = [];
        numbered(raw).forEach(({ shape: s, gso, cut }, i) => {
          const whole = asFragment(buildPacket(s), cut, 20_000 + i);
          const { packet, header } =
            gso > 0 ? superFrame(whole, gso) : { packet: whole, header: new Uint8Array(10) };
          a.tun.fromHost(packet, header);
          sent.push(...expandFrame(Uint8Array.from([...header, ...packet])));
          if (i % burst === 0) {
            a.turn();
            b.turn();
          }
        });
        a.turn(20);
        b.turn(60);
        fragmented += a.counters[LoopCounter.fragmented]!;
        expect(a.drops()).toEqual({});
        expect(b.drops()).toEqual({});
        const received = reassemble(b.tun.toHost.flatMap(expandFrame)).filter((packet) => packet[0] !== 0);
        expect(byFlow(received)).toEqual(byFlow(sent));
      },
    ),
    { numRuns: runs, seed: 20261123 },
  );
  if (runs >= 8) expect(fragmented).toBeGreaterThan(0);
}

const gcm = { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" } as const;
const cases: readonly [string, PairOptions][] = [
  ["AES-128-GCM in UDP over IPv4", { suite: gcm }],
  ["AES-128-GCM as protocol 50 over IPv4", { suite: gcm, raw: true }],
  ["AES-256-GCM with ESN in UDP over IPv6", { suite: { ...gcm, keyBits: 256 }, outer: 6, esn: true }],
  ["ChaCha20-Poly1305", { suite: { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" } }],
  [
    "AES-256-CBC with HMAC-SHA256",
    { suite: { encryption: "aes-cbc", keyBits: 256, integrity: "hmac-sha256-128" } },
  ],
  ["NULL with HMAC-SHA1", { suite: { encryption: "null", keyBits: 0, integrity: "hmac-sha1-96" } }],
];

describe.each(cases)("two data planes, %s", (_name, options) => {
  it("pass every packet intact and in order per flow (EVP, SIMD)", () =>
    passes({ ...options, native: true }, 25));
  it("and by node:crypto", () => passes(options, 8));
  it("and by @noble", () => passes({ ...options, backend: noblePacketCipher }, 2));
});

describe("joining", () => {
  it("makes super-packets of contiguous segments", () => {
    const { a, b } = makePair();
    const payload = new Uint8Array(30000).map((_, i) => i & 0xff);
    const { packet, header } = superFrame(
      buildPacket({ family: 4, protocol: "tcp", flow: 1, payload, flags: 0x18 }),
      1300,
    );
    a.tun.fromHost(packet, header);
    a.turn();
    b.turn();
    expect(b.tun.toHost).toHaveLength(1);
    expect(b.tun.toHost[0]!.slice(10 + 40)).toEqual(payload);
  });

  it("makes super-packets of equal UDP datagrams", () => {
    const { a, b } = makePair();
    for (let i = 0; i < 10; i++) {
      a.tun.fromHost(
        buildPacket({ family: 6, protocol: "udp", flow: 1, payload: new Uint8Array(500).fill(i) }),
      );
    }
    a.turn();
    b.turn();
    expect(b.tun.toHost).toHaveLength(1);
    expect(b.tun.toHost.flatMap(expandFrame)).toHaveLength(10);
  });

  it("does not join a segment whose checksum is wrong", () => {
    const { a, b } = makePair();
    for (let i = 0; i < 3; i++) {
      const packet = buildPacket({
        family: 4,
        protocol: "tcp",
        flow: 1,
        payload: new Uint8Array(500),
        seq: 500 * i,
      });
      if (i === 1) packet[packet.length - 1] = 0xff;
      a.tun.fromHost(packet);
    }
    a.turn();
    b.turn();
    expect(b.tun.toHost).toHaveLength(3);
    expect(b.tun.toHost.every((frame) => frame[1] === 0)).toBe(true);
  });
});
