import { randomBytes } from "node:crypto";
import koffi from "koffi";
import { describe, expect, test } from "vitest";
import { createArena } from "../../src/arena.ts";
import { mmap } from "../../src/libc.ts";
import type { CipherSuite } from "../../src/packet-cipher.ts";
import { BACKENDS } from "../backends.ts";

const arena = createArena(1 << 20);
const READ_WRITE = 3;
const PRIVATE_ANONYMOUS = 0x22;
const STRIDE = 2048;
const at = (i: number): number => 65536 + i * STRIDE;

const suites: CipherSuite[] = [
  { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
  { encryption: "aes-gcm-16", keyBits: 256, integrity: "none" },
  { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" },
];

/** A multiple of 4 GiB that no mapping is near to; the next one for each use. */
let boundary = 0x600_0000_0000;

describe.each(BACKENDS)("%s", (_name, createBackend) => {
  const queued = createBackend();
  const direct = createBackend({ queue: false });

  function associations(direction: "seal" | "open") {
    return suites.flatMap((suite, i) =>
      [false, true].map((esn) => {
        const keys = {
          encryption: new Uint8Array(suite.keyBits / 8).fill(i + 1),
          salt: Uint8Array.of(1, 2, 3, i),
          integrity: new Uint8Array(0),
        };
        return {
          esn,
          queued: queued.create(direction, suite, esn, keys, arena),
          direct: direct.create(direction, suite, esn, keys, arena),
        };
      }),
    );
  }

  // Where the machine cannot have a call list, the backend says so by offering no queue, and callers go one by one.
  const hasQueue = associations("seal")[0]!.queued.queue !== undefined;

  test("a call list is there exactly on x86-64, unless it was switched off", () => {
    expect(hasQueue).toBe(process.arch === "x64" && process.env.TANDEM_NO_CALL_LIST === undefined);
    expect(associations("open")[0]!.direct.queue).toBeUndefined();
  });

  test("queued jobs of many SAs give the bytes and verdicts of one-by-one calls, round after round", () => {
    if (!hasQueue)
      return expect(queued.create("seal", suites[0]!, false, keysOf(), arena).enqueueSeal).toBeUndefined();
    const seals = associations("seal");
    const opens = associations("open");
    const queuesOf = (sas: typeof seals) => [...new Set(sas.map((sa) => sa.queued.queue!))];
    const capacity = Math.min(...queuesOf(seals).map((queue) => queue.capacity));
    for (let round = 0; round < 20; round++) {
      const jobs = Array.from({ length: round === 0 ? capacity : 1 + ((round * 7) % 40) }, (_, i) => {
        const which = (i * 5 + round) % seals.length;
        const length = 4 * ((i * 37 + round) % 400);
        return {
          which,
          length,
          high: seals[which]!.esn ? round : 0,
          low: i + 1,
          plain: randomBytes(length),
        };
      });
      const put = (i: number): void => {
        arena.view.setUint32(at(i), 0xc0ffee00 + jobs[i]!.which);
        arena.view.setUint32(at(i) + 4, jobs[i]!.low);
        arena.bytes.set(jobs[i]!.plain, at(i) + 16);
      };
      const expected = jobs.map(({ which, length, high, low }, i) => {
        put(i);
        const total = seals[which]!.direct.seal(at(i), at(i) + 16, length, high, low);
        return arena.bytes.slice(at(i), at(i) + total);
      });
      /** The number of each job in its queue. */
      const places: number[] = [];
      for (const [i, { which, length, high, low }] of jobs.entries()) {
        put(i);
        places.push(seals[which]!.queued.queue!.count);
        expect(seals[which]!.queued.enqueueSeal!(at(i), length, high, low)).toBe(expected[i]!.length);
      }
      expect(queuesOf(seals).reduce((sum, queue) => sum + queue.count, 0)).toBe(jobs.length);
      for (const queue of queuesOf(seals)) queue.run();
      for (const [i, packet] of expected.entries()) {
        expect(seals[jobs[i]!.which]!.queued.queue!.ok(places[i]!)).toBe(true);
        expect(arena.bytes.slice(at(i), at(i) + packet.length)).toEqual(packet);
      }

      // Every third packet is forged: its neighbours in the same run must not notice.
      for (const [i, { which, high }] of jobs.entries()) {
        if (i % 3 === 0) arena.bytes[at(i) + expected[i]!.length - 1]! ^= 1;
        opens[which]!.queued.enqueueOpen!(at(i), expected[i]!.length, high);
      }
      for (const queue of queuesOf(opens)) queue.run();
      for (const [i, { which, plain, length }] of jobs.entries()) {
        expect(opens[which]!.queued.queue!.ok(places[i]!)).toBe(i % 3 !== 0);
        if (i % 3 !== 0)
          expect(Buffer.from(arena.bytes.slice(at(i) + 16, at(i) + 16 + length)).equals(plain)).toBe(true);
      }
    }
    const openQueue = opens[0]!.queued.queue!;
    const count = openQueue.count;
    expect(opens[0]!.queued.enqueueOpen!(at(0), 31, 0)).toBe(-1); // shorter than header, IV and ICV
    expect(openQueue.count).toBe(count);
  });

  test("packets on both sides of a multiple of 4 GiB, and across it", () => {
    const HALF = 65536;
    boundary += 2 ** 32;
    const base = Number(mmap(boundary - HALF, 2 * HALF, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0));
    expect(base).toBe(boundary - HALF);
    const memory = koffi.view(BigInt(base), 2 * HALF);
    const crossing = { base, bytes: new Uint8Array(memory), view: new DataView(memory) };
    for (const suite of suites) {
      for (const esn of [false, true]) {
        const keys = {
          encryption: randomBytes(suite.keyBits / 8),
          salt: randomBytes(4),
          integrity: new Uint8Array(0),
        };
        const one = direct.create("seal", suite, esn, keys, crossing);
        const many = queued.create("seal", suite, esn, keys, crossing);
        const open = queued.create("open", suite, esn, keys, crossing);
        // Header, data, tag: all below; all above; cut between them and within each.
        for (const place of [-2000, 64, -4, -8, -12, -16, -20, -1000, -1016, -1020]) {
          const header = HALF + place;
          const plain = randomBytes(1000);
          const put = (): void => {
            crossing.view.setUint32(header, 0xc0ffee);
            crossing.view.setUint32(header + 4, 7);
            crossing.bytes.set(plain, header + 16);
          };
          put();
          const length = one.seal(header, header + 16, plain.length, 1, 7);
          const expected = crossing.bytes.slice(header, header + length);
          put();
          if (many.enqueueSeal === undefined) many.seal(header, header + 16, plain.length, 1, 7);
          else many.enqueueSeal(header, plain.length, 1, 7);
          many.queue?.run();
          expect(crossing.bytes.slice(header, header + length), `sealed at ${place}`).toEqual(expected);
          if (open.enqueueOpen === undefined) open.open(header, length, 1);
          else open.enqueueOpen(header, length, 1);
          open.queue?.run();
          expect(open.queue?.ok(0), `opened at ${place}`).toBe(open.queue && true);
          expect(Buffer.from(crossing.bytes.slice(header + 16, header + 1016)).equals(plain)).toBe(true);
        }
      }
    }
  });
});

function keysOf() {
  return { encryption: new Uint8Array(16), salt: new Uint8Array(4), integrity: new Uint8Array(0) };
}
