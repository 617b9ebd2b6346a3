/** What UPDATEs look like when they leave: RFC 7606 §5.1, RFC 4271 §4.3, RFC 4724 §2. */
import { describe, expect, it } from "vitest";
import { ScriptedPeer } from "../scripted-peer.ts";

interface Sent {
  readonly withdrawn: number;
  readonly nlri: number;
  /** Type codes in order. */
  readonly types: readonly number[];
  readonly length: number;
}

function parse(message: Uint8Array): Sent {
  const read16 = (at: number): number => (message[at]! << 8) | message[at + 1]!;
  const withdrawn = read16(19);
  const start = 23 + withdrawn;
  const end = start + read16(start - 2);
  const types: number[] = [];
  for (let at = start; at < end; ) {
    const extended = (message[at]! & 0x10) !== 0;
    types.push(message[at + 1]!);
    at += extended ? 4 + read16(at + 2) : 3 + message[at + 2]!;
  }
  return { withdrawn, nlri: message.length - end, types, length: message.length };
}

/** A peer that is told thousands of prefixes of both families, then loses them. */
function updates(): Sent[] {
  const peer = new ScriptedPeer({ nextHop: { ipv6: "2001:db8::1" } });
  const prefixes = Array.from({ length: 3000 }, (_, i) => [
    `172.${16 + (i >> 8)}.${i & 255}.0/24`,
    `2001:db8:${i.toString(16)}::/48`,
  ]).flat();
  for (const prefix of prefixes) peer.input({ kind: "network-set", prefix, tag: "vnet" });
  peer.establish();
  peer.wait(1000);
  for (const prefix of prefixes) peer.input({ kind: "network-removed", prefix });
  peer.wait(1000);
  return peer.messages(2).map(parse);
}

describe("UPDATEs that are sent", () => {
  const sent = updates();
  const isMp = (type: number): boolean => type === 14 || type === 15;

  it("have prefixes in one place only, and an MP attribute first of all", () => {
    for (const { withdrawn, nlri, types } of sent) {
      const places = (withdrawn > 0 ? 1 : 0) + (nlri > 0 ? 1 : 0) + types.filter(isMp).length;
      expect(places).toBeLessThanOrEqual(1);
      expect(types.findIndex(isMp)).toBeLessThanOrEqual(0);
      const others = types.filter((type) => !isMp(type));
      expect(others).toEqual(others.toSorted((a, b) => a - b));
    }
    expect(sent.some(({ types }) => types[0] === 14 && types.length > 1)).toBe(true);
    expect(sent.some(({ types }) => types[0] === 15 && types.length === 1)).toBe(true);
    expect(sent.some(({ withdrawn }) => withdrawn > 0)).toBe(true);
  });

  it("carry NEXT_HOP only with IPv4 routes outside MP_REACH_NLRI (RFC 4760 §3)", () => {
    for (const { nlri, types } of sent) expect(types.includes(3)).toBe(nlri > 0);
  });

  it("stay within 4096 bytes and fill them", () => {
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(4096);
    expect(sent.filter(({ length }) => length > 4000).length).toBeGreaterThan(5);
  });

  it("end with an End-of-RIB for each family", () => {
    const isEnd = ({ withdrawn, nlri, types, length }: Sent): boolean =>
      withdrawn + nlri === 0 && (length === 23 || (length === 29 && types.join() === "15"));
    expect(sent.filter(isEnd)).toHaveLength(2);
  });
});
