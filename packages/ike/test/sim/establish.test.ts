import { bytesToHex } from "@tandem/crypto";
import { establishedPair } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";

describe("establishing with a pre-shared key", () => {
  it("brings up one IKE SA and one Child SA with mirrored keys on both sides", () => {
    const { a, b } = establishedPair();
    const [x] = a.children;
    const [y] = b.children;
    expect(x!.spiIn).toBe(y!.spiOut);
    expect(bytesToHex(x!.inbound.encryption)).toBe(bytesToHex(y!.outbound.encryption));
    expect(bytesToHex(x!.outbound.encryption)).toBe(bytesToHex(y!.inbound.encryption));
    expect(x!.initiator).toBe(true);
    expect(a.of("child-sa-outbound-ready")).toHaveLength(1);
    expect(b.of("child-sa-outbound-ready")).toHaveLength(1);
  });
});
