import { describe, expect, it } from "vitest";
import { identityMatches, identityText, parseIdentity } from "../src/identity.ts";

describe("identities", () => {
  it.each([
    ["192.0.2.1", 1],
    ["2001:db8::1", 5],
    ["gw.example.com", 2],
    ["fqdn:192.0.2.1", 2],
    ["user@example.com", 3],
    ["keyid:router-7", 11],
    ["O=Lab, CN=gw", 9],
  ])("%s has type %i and comes back as text", (text, type) => {
    const id = parseIdentity(text)!;
    expect(id.idType).toBe(type);
    expect(identityText(id)).toBe(text.replace("fqdn:", ""));
    expect(identityMatches(text, id)).toBe(true);
    expect(identityMatches("%any", id)).toBe(true);
    expect(identityMatches("other.example.com", id)).toBe(false);
  });
  it("names compare without case, control characters are shown escaped", () => {
    expect(identityMatches("GW.example.com", parseIdentity("gw.EXAMPLE.com")!)).toBe(true);
    expect(identityText({ idType: 2, data: Uint8Array.of(0x1b, 0x5b, 0x41) })).toBe("\\x1b[A");
  });
});
