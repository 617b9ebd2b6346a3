/**
 * Damaged ESP: genuine packets of every kind of suite, mutated in every way that a network or an attacker can. Nothing
 * throws, nothing but the packet itself is accepted, and what was refused has not moved the replay window.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChildSa } from "../../src/child-sa.ts";
import { CipherJobs } from "../../src/cipher-jobs.ts";
import { DROP_REASON_NAMES } from "../../src/drop-reason.ts";
import { InnerPacket } from "../../src/inner-packet.ts";
import { SA_SLOT_LENGTH } from "../../src/sa-counters.ts";
import type { ChildSaParameters } from "../../src/sa-parameters.ts";
import { nodePacketCipher } from "../node-cipher.ts";

type Suite = ChildSaParameters["suite"];

const SUITES: readonly (readonly [string, Suite, encryption: number, salt: number, integrity: number])[] = [
  ["AES-128-GCM", { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" }, 16, 4, 0],
  ["ChaCha20", { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" }, 32, 4, 0],
  ["AES-256-CBC", { encryption: "aes-cbc", keyBits: 256, integrity: "hmac-sha256-128" }, 32, 0, 32],
  ["NULL", { encryption: "null", keyBits: 0, integrity: "hmac-sha1-96" }, 0, 0, 20],
];
const RUNS = 400;
const HEADER = 1024;
const INNER = 100;
const bytes = new Uint8Array(8192);
const arena = { bytes, view: new DataView(bytes.buffer), base: 0 };
const anything = [
  { protocol: 0, startPort: 0, endPort: 65535, startAddress: "0.0.0.0", endAddress: "255.255.255.255" },
];

interface Mutation {
  readonly kind: "flip" | "set" | "cut" | "extend" | "word";
  readonly at: number;
  readonly value: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("flip" as const, "set" as const, "cut" as const, "extend" as const, "word" as const),
  at: fc.nat({ max: 400 }),
  value: fc.nat({ max: 255 }),
});

function pair(suite: Suite, encryption: number, salt: number, integrity: number): [ChildSa, ChildSa] {
  const keys = (n: number) => ({
    encryption: new Uint8Array(encryption).fill(n),
    salt: new Uint8Array(salt).fill(n),
    integrity: new Uint8Array(integrity).fill(n),
  });
  const end = (id: string, spiIn: number, spiOut: number, inbound: number, outbound: number): ChildSa =>
    new ChildSa(
      {
        id,
        connection: "c",
        seat: "s",
        suite,
        esn: false,
        spiIn,
        spiOut,
        inbound: keys(inbound),
        outbound: keys(outbound),
        endpoints: { local: "192.0.2.1", remote: "192.0.2.2" },
        localSelectors: anything,
        remoteSelectors: anything,
        replayWindow: 64,
      },
      { first: 1, limit: 1_000_000 },
      undefined,
      nodePacketCipher,
      arena,
      new Float64Array(SA_SLOT_LENGTH),
      0,
    );
  return [end("a", 0x1001, 0x1002, 1, 2), end("b", 0x1002, 0x1001, 2, 1)];
}

function seal(from: ChildSa): Uint8Array {
  const at = HEADER + from.outbound.innerOffset;
  bytes.fill(0xaa, at, at + INNER);
  bytes.set([0x45, 0, 0, INNER, 0, 0, 0, 0, 64, 253, 0, 0, 10, 1, 0, 1, 10, 2, 0, 1], at);
  const jobs = new CipherJobs();
  const n = from.outbound.seal(HEADER, INNER, 4, jobs);
  jobs.run();
  return bytes.slice(HEADER, HEADER + n);
}

/** The length of the inner packet, or the name of the reason. */
function open(to: ChildSa, packet: Uint8Array): number | string {
  bytes.set(packet, HEADER);
  const jobs = new CipherJobs();
  const sequences = new Float64Array(1);
  const plain = to.inbound.open(HEADER, packet.length, jobs, sequences);
  if (plain < 0) return DROP_REASON_NAMES[-plain]!;
  jobs.run();
  const n = to.inbound.finish(HEADER, plain, sequences[0]!, jobs.ok(0), new InnerPacket());
  return n < 0 ? DROP_REASON_NAMES[-n]! : n;
}

function mutate(packet: Uint8Array, { kind, at, value }: Mutation): Uint8Array {
  if (kind === "cut") return packet.slice(0, at % (packet.length + 1));
  if (kind === "extend") return Uint8Array.of(...packet, ...new Uint8Array((at % 64) + 1).fill(value));
  const changed = packet.slice();
  const place = at % packet.length;
  if (kind === "flip") changed[place]! ^= 1 << (value & 7);
  else if (kind === "set") changed[place] = value;
  else changed.fill(value < 128 ? 0 : 0xff, place, place + 4);
  return changed;
}

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index]);

describe("damaged ESP packets", () => {
  it.each(SUITES)("%s: each is refused under a name, and the genuine one still gets through", (...suite) => {
    const [, words, encryption, salt, integrity] = suite;
    const [a, b] = pair(words, encryption, salt, integrity);
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const genuine = seal(a);
        const damaged = mutations.reduce(
          (packet, one) => (packet.length === 0 ? packet : mutate(packet, one)),
          genuine,
        );
        if (!same(damaged, genuine)) expect(DROP_REASON_NAMES).toContain(open(b, damaged));
        expect(open(b, genuine)).toBe(INNER);
        expect(open(b, genuine)).toBe("replay-seen");
      }),
      { numRuns: RUNS },
    );
  });

  it("noise under a right SPI is refused, whatever its length", () => {
    const [, words, encryption, salt, integrity] = SUITES[0]!;
    const [, b] = pair(words, encryption, salt, integrity);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1500 }), (noise) => {
        expect(DROP_REASON_NAMES).toContain(open(b, Uint8Array.of(0, 0, 0x10, 0x02, ...noise)));
      }),
      { numRuns: RUNS },
    );
  });
});
