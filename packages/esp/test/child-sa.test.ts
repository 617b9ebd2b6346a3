/** Two Child SAs over real ciphers (node:crypto): what one seals the other opens, and every kind of damage has its name. */

import { describe, expect, it } from "vitest";
import { ChildSa } from "../src/child-sa.ts";
import { CipherJobs } from "../src/cipher-jobs.ts";
import { DROP_REASON_NAMES } from "../src/drop-reason.ts";
import { InnerPacket } from "../src/inner-packet.ts";
import { SA_SLOT_LENGTH } from "../src/sa-counters.ts";
import type { ChildSaParameters } from "../src/sa-parameters.ts";
import { nodePacketCipher, randomBytes } from "./node-cipher.ts";

const bytes = new Uint8Array(65536);
const arena = { bytes, view: new DataView(bytes.buffer), base: 0 };
const keys = (n: number) => ({
  encryption: new Uint8Array(16).fill(n),
  salt: new Uint8Array(4).fill(n),
  integrity: new Uint8Array(0),
});
const range = (a: string, b: string) => [
  { protocol: 0, startPort: 0, endPort: 65535, startAddress: a, endAddress: b },
];
const A = range("10.1.0.0", "10.1.255.255");
const B = range("10.2.0.0", "10.2.255.255");

function sa(side: "a" | "b", more: Partial<ChildSaParameters> = {}): ChildSa {
  const first = side === "a";
  const parameters: ChildSaParameters = {
    id: side,
    connection: "c",
    seat: "s",
    suite: { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
    esn: false,
    spiIn: first ? 0x1001 : 0x1002,
    spiOut: first ? 0x1002 : 0x1001,
    inbound: keys(first ? 1 : 2),
    outbound: keys(first ? 2 : 1),
    endpoints: { local: "192.0.2.1", remote: "192.0.2.2" },
    localSelectors: first ? A : B,
    remoteSelectors: first ? B : A,
    replayWindow: 64,
    ...more,
  };
  const block = { first: 1, limit: 1000 };
  return new ChildSa(
    parameters,
    block,
    undefined,
    nodePacketCipher,
    arena,
    new Float64Array(SA_SLOT_LENGTH),
    0,
  );
}

const HEADER = 1024;

/** Puts an inner packet into the place and seals it; the length of the ESP packet or the name of the reason. */
function seal(from: ChildSa, source = [10, 1, 0, 1], length = 100, nextHeader = 4): number | string {
  const at = HEADER + from.outbound.innerOffset;
  bytes.fill(0xaa, at, at + length);
  bytes.set([0x45, 0, length >> 8, length & 255, 0, 0, 0, 0, 64, 253, 0, 0, ...source, 10, 2, 0, 1], at);
  const jobs = new CipherJobs();
  const n = from.outbound.seal(HEADER, length, nextHeader, jobs);
  jobs.run();
  return n < 0 ? DROP_REASON_NAMES[-n]! : n;
}

function open(to: ChildSa, length: number): number | string {
  const jobs = new CipherJobs();
  const sequences = new Float64Array(1);
  const plain = to.inbound.open(HEADER, length, jobs, sequences);
  if (plain < 0) return DROP_REASON_NAMES[-plain]!;
  jobs.run();
  const n = to.inbound.finish(HEADER, plain, sequences[0]!, jobs.ok(0), new InnerPacket());
  return n < 0 ? DROP_REASON_NAMES[-n]! : n;
}

describe("a pair of Child SAs", () => {
  it.each([20, 21, 22, 23, 576, 1400])("carries an inner packet of %i bytes", (length) => {
    const [a, b] = [sa("a"), sa("b")];
    const n = seal(a, undefined, length) as number;
    expect(n).toBe(a.outbound.packetLength(length));
    expect(open(b, n)).toBe(length);
    expect(bytes[HEADER + b.inbound.innerOffset]).toBe(0x45);
  });

  it("drops by name: replayed, forged, truncated, unaligned", () => {
    const [a, b] = [sa("a"), sa("b")];
    const n = seal(a) as number;
    const copy = bytes.slice(HEADER, HEADER + n);
    bytes[HEADER + 40]! ^= 1;
    expect(open(b, n)).toBe("bad-icv");
    bytes.set(copy, HEADER);
    expect(open(b, n - 4)).toBe("bad-icv");
    bytes.set(copy, HEADER);
    expect(open(b, n - 1)).toBe("esp-unaligned");
    expect(open(b, 30)).toBe("esp-truncated");
    expect(open(b, n)).toBe(100); // none of the failures moved the window
    bytes.set(copy, HEADER);
    expect(open(b, n)).toBe("replay-seen");
    for (let i = 0; i < 70; i++) {
      const later = seal(a) as number;
      expect(open(b, later)).toBe(100);
    }
    bytes.set(copy, HEADER);
    expect(open(b, n)).toBe("replay-too-old");
  });

  it("drops what the peer had no right to send", () => {
    const [a, b] = [sa("a"), sa("b")];
    expect(open(b, seal(a, [172, 16, 0, 1]) as number)).toBe("selector-mismatch");
    expect(open(b, seal(a, undefined, 100, 59) as number)).toBe("dummy-packet");
    expect(open(b, seal(a, undefined, 100, 17) as number)).toBe("bad-next-header");
    expect(open(b, seal(a, undefined, 100, 41) as number)).toBe("bad-inner-packet");
  });

  it("ends with its hard limit and tells", () => {
    const a = sa("a", { limits: { softPackets: 1, hardPackets: 2 } });
    expect(seal(a)).toBeTypeOf("number");
    expect(a.outbound.expiry).toEqual({ kind: "expire-soft", cause: "packets" });
    expect(seal(a)).toBe("lifetime-ended");
    expect(a.outbound.expiry).toEqual({ kind: "expire-hard", cause: "packets" });
  });

  it("is adopted above the reserved block, with its window and counters", () => {
    const [a, b] = [sa("a"), sa("b")];
    const n = seal(a) as number;
    const copy = bytes.slice(HEADER, HEADER + n);
    expect(open(b, n)).toBe(100);
    const live = b.export();
    expect(live).toMatchObject({ reservedUpTo: 1000, packetsIn: 1, bytesIn: 100 });
    const adopt = (first: number) =>
      new ChildSa(
        b.parameters,
        { first, limit: first + 1000 },
        live,
        nodePacketCipher,
        arena,
        new Float64Array(SA_SLOT_LENGTH),
        0,
      );
    expect(() => adopt(999)).toThrow(/below/);
    const adopted = adopt(1000);
    bytes.set(copy, HEADER);
    expect(open(adopted, n)).toBe("replay-seen");
    expect(adopted.export().packetsIn).toBe(1);
    expect(adopted.outbound.sequence.next()).toBe(1000);
  });

  it("survives random bytes under a right SPI", () => {
    const b = sa("b");
    for (let i = 0; i < 500; i++) {
      const length = i % 120;
      bytes.set(randomBytes(length), HEADER);
      expect(open(b, length)).toBeTypeOf("string");
    }
  });
});
