import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Framer } from "../../src/message/framer.ts";
import { encodeMessage } from "../../src/message/header.ts";
import { encodeKeepalive } from "../../src/message/keepalive.ts";
import { encodeOpen } from "../../src/message/open.ts";
import { OPEN, ScriptedPeer } from "../scripted-peer.ts";

const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]));

function frames(chunks: readonly Uint8Array[]): { messages: string[]; error: string | undefined } {
  const framer = new Framer();
  const messages: string[] = [];
  for (const chunk of chunks) {
    const error = framer.push(chunk, (b, start, end) => {
      messages.push(b.slice(start, end).join());
      return true;
    });
    if (error !== undefined) return { messages, error: `${error.code}/${error.subcode}` };
  }
  return { messages, error: undefined };
}

describe("framer", () => {
  const messages = [
    encodeOpen(OPEN),
    encodeKeepalive(),
    encodeMessage(2, new Uint8Array(4077).fill(7)),
    encodeKeepalive(),
  ];
  const stream = join(...messages);
  const whole = messages.map((m) => m.join());

  it("cuts a stream split at any byte into the same messages", () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(frames([stream.slice(0, at), stream.slice(at)]).messages).toEqual(whole);
    }
  });

  it("cuts a stream that comes byte by byte", () => {
    expect(frames([...stream].map((b) => Uint8Array.of(b))).messages).toEqual(whole);
  });

  it("cuts a stream in any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 40 }), (sizes) => {
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(stream.slice(at, at + size));
          at += size;
        }
        chunks.push(stream.slice(at));
        expect(frames(chunks).messages).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it("gives an error of RFC 4271 §6.1 wherever the bad header is split", () => {
    const bad = (change: (b: Uint8Array) => void): Uint8Array => {
      const b = encodeKeepalive();
      change(b);
      return b;
    };
    const cases: [Uint8Array, string][] = [
      [bad((b) => b.set([0], 3)), "1/1"],
      [bad((b) => b.set([0, 18], 16)), "1/2"],
      [bad((b) => b.set([0x10, 0x01], 16)), "1/2"],
      [bad((b) => b.set([0, 20], 16)), "1/2"],
      [bad((b) => b.set([0, 28, 1], 16)), "1/2"],
      [bad((b) => b.set([0, 22, 2], 16)), "1/2"],
      [bad((b) => b.set([0, 20, 3], 16)), "1/2"],
      [bad((b) => b.set([0], 18)), "1/3"],
      [bad((b) => b.set([6], 18)), "1/3"],
    ];
    for (const [header, expected] of cases) {
      const bytes = join(encodeKeepalive(), header, new Uint8Array(10));
      for (let at = 0; at <= bytes.length; at++) {
        expect(frames([bytes.slice(0, at), bytes.slice(at)])).toMatchObject({ error: expected });
      }
    }
  });

  it("answers a bad header in each state", () => {
    const junk = new Uint8Array(19);
    const sent = new ScriptedPeer().accept().send(junk);
    expect(sent.notifications).toEqual(["1/1"]);
    const confirm = new ScriptedPeer().accept().send(encodeOpen(OPEN), junk);
    expect(confirm.notifications).toEqual(["1/1"]);
    const established = new ScriptedPeer().establish().send(junk);
    expect(established.notifications).toEqual(["1/1"]);
    expect(established.effects.filter((e) => e.kind === "close")).toHaveLength(1);
  });
});
