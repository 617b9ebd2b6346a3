import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { prfPlus, SecretBytes, secretBytes } from "../src/index.ts";

describe("SecretBytes", () => {
  const secret = secretBytes(Uint8Array.of(222, 173, 190, 239));

  it("prints a length everywhere", () => {
    const shown = "[secret: 4 bytes]";
    expect(`${secret}`).toBe(shown);
    expect(String(secret)).toBe(shown);
    expect(secret.toLocaleString()).toBe(shown);
    expect(JSON.stringify({ secret })).toBe(`{"secret":"${shown}"}`);
    expect(inspect(secret)).toBe(shown);
    expect(inspect({ deep: { secret } })).not.toContain("222");
  });

  it("stays secret in its parts, and is a Uint8Array in every other way", () => {
    expect(secret.subarray(1)).toBeInstanceOf(SecretBytes);
    expect(secret.slice(0, 2)).toBeInstanceOf(SecretBytes);
    expect([...secret]).toEqual([222, 173, 190, 239]);
    expect(Buffer.from(secret).toString("hex")).toBe("deadbeef");
  });

  it("shares memory with what it wraps, and wraps nothing twice", () => {
    const bytes = Uint8Array.of(0, 1, 2, 3);
    const wrapped = secretBytes(bytes.subarray(1, 3));
    bytes[1] = 9;
    expect([...wrapped]).toEqual([9, 2]);
    expect(secretBytes(wrapped)).toBe(wrapped);
  });

  it("is what prf+ gives", () => {
    expect(prfPlus("prf-hmac-sha256", new Uint8Array(1), new Uint8Array(1), 8)).toBeInstanceOf(SecretBytes);
  });
});
