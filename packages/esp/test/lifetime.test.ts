import { describe, expect, it } from "vitest";
import { Lifetime } from "../src/lifetime.ts";

describe("lifetimes", () => {
  it("tells soft, then hard, each once", () => {
    const lifetime = new Lifetime({ softBytes: 100, hardBytes: 200 });
    expect(lifetime.cross(99, 1)).toBeUndefined();
    expect(lifetime.cross(100, 1)).toEqual({ kind: "expire-soft", cause: "bytes" });
    expect(lifetime.cross(150, 1)).toBeUndefined();
    expect(lifetime.ended).toBe(false);
    expect(lifetime.cross(200, 1)).toEqual({ kind: "expire-hard", cause: "bytes" });
    expect(lifetime.cross(300, 1)).toBeUndefined();
    expect(lifetime.ended).toBe(true);
  });

  it("counts packets too, and the hard limit first", () => {
    const lifetime = new Lifetime({ softPackets: 5, hardPackets: 5 });
    expect(lifetime.cross(0, 5)).toEqual({ kind: "expire-hard", cause: "packets" });
  });

  it("never crosses without limits", () => {
    expect([...new Lifetime(undefined).next]).toEqual([Infinity, Infinity]);
  });
});
