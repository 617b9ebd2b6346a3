import { describe, expect, it } from "vitest";
import { survivor } from "../src/collision.ts";

const facts = { localRouterId: 5, localAsn: 65001, peerRouterId: 9, peerAsn: 65002, peerRestarts: false };
const incoming = { incoming: true, established: false };
const outgoing = { incoming: false, established: false };

describe("connection collision (RFC 4271 §6.8)", () => {
  it("keeps the connection that the higher identifier opened", () => {
    expect(survivor(incoming, outgoing, facts)).toBe("fresh");
    expect(survivor(outgoing, incoming, facts)).toBe("other");
    const higher = { ...facts, localRouterId: 10 };
    expect(survivor(incoming, outgoing, higher)).toBe("other");
    expect(survivor(outgoing, incoming, higher)).toBe("fresh");
  });

  it("compares identifiers as unsigned numbers, and AS numbers when they are equal (RFC 6286 §2.3)", () => {
    expect(
      survivor(incoming, outgoing, { ...facts, localRouterId: 0x7fffffff, peerRouterId: 0x80000000 }),
    ).toBe("fresh");
    expect(survivor(incoming, outgoing, { ...facts, localRouterId: 9 })).toBe("fresh");
    expect(survivor(incoming, outgoing, { ...facts, localRouterId: 9, localAsn: 65003 })).toBe("other");
  });

  it("keeps an established session, but for a peer that has restarted (RFC 4724 §4.2)", () => {
    const established = { incoming: false, established: true };
    expect(survivor(incoming, established, facts)).toBe("other");
    expect(survivor(incoming, established, { ...facts, peerRestarts: true })).toBe("fresh");
    expect(survivor(outgoing, { incoming: true, established: true }, { ...facts, peerRestarts: true })).toBe(
      "other",
    );
  });

  it("keeps the newer of two from the same side", () => {
    expect(survivor(incoming, incoming, facts)).toBe("fresh");
    expect(survivor(outgoing, outgoing, facts)).toBe("fresh");
  });
});
