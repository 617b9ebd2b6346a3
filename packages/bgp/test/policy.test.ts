/** Policies as data, by what arrives at the other end. */

import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import type { PeerConfig, Policy, PolicySet } from "../src/index.ts";
import { BgpSpeaker } from "../src/index.ts";
import { SpeakerNetwork } from "../src/testing/index.ts";
import { hex, MANDATORY, NLRI, ScriptedPeer, update } from "./scripted-peer.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

/** What B thinks of A's 10.1.0.0/16. */
function seen(
  a: Partial<PeerConfig>,
  b: Partial<PeerConfig> = {},
  internal = false,
): Record<string, unknown> {
  const network = new SpeakerNetwork();
  const asnB = internal ? 65001 : 65002;
  const x = network.add({ localAddress: A, asn: 65001 });
  const y = network.add({ localAddress: B, asn: asnB });
  x.input({ kind: "peer-set", peer: { name: "b", neighbor: B, asn: asnB, ...a } });
  y.input({ kind: "peer-set", peer: { name: "a", neighbor: A, asn: 65001, ...b } });
  x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet", med: 5 });
  network.run(1000);
  return { ...y.speaker.why("10.1.0.0/16")?.paths[0] };
}

const set = (change: PolicySet): Policy => ({ statements: [{ name: "s", set: change, action: "accept" }] });

describe("export policy", () => {
  it("prepends, and sets MED", () => {
    expect(seen({})).toMatchObject({ asPath: "65001", med: 5 });
    expect(seen({ exportPolicy: set({ prepend: 2, med: 77 }) })).toMatchObject({
      asPath: "65001-65001-65001",
      med: 77,
    });
    expect(seen({ exportPolicy: set({ med: null }) })).toMatchObject({ med: 0 });
  });

  it("gives LOCAL_PREF to our own AS only", () => {
    expect(seen({ exportPolicy: set({ localPref: 250 }) }, {}, true)).toMatchObject({
      localPref: 250,
      asPath: "",
    });
    expect(seen({ exportPolicy: set({ localPref: 250 }) })).toMatchObject({ localPref: 100 });
  });

  it("tries statements in order; continue goes on with what was set", () => {
    const policy: Policy = {
      statements: [
        { name: "first", set: { med: 1 }, action: "continue" },
        { name: "not this", match: { tags: ["lng"] }, action: "reject" },
        { name: "second", set: { prepend: 1 }, action: "accept" },
        { name: "never", set: { med: 9 }, action: "accept" },
      ],
      otherwise: "reject",
    };
    expect(seen({ exportPolicy: policy })).toMatchObject({ med: 1, asPath: "65001-65001" });
  });
});

describe("import policy", () => {
  it("sets LOCAL_PREF and MED", () => {
    expect(seen({}, { importPolicy: set({ localPref: 300, med: 8 }) })).toMatchObject({
      localPref: 300,
      med: 8,
    });
  });

  it("matches prefix ranges", () => {
    const only = (prefix: string, minLength?: number, maxLength?: number): Policy => ({
      statements: [
        {
          name: "in",
          match: {
            prefixes: [
              {
                prefix,
                ...(minLength === undefined ? {} : { minLength }),
                ...(maxLength === undefined ? {} : { maxLength }),
              },
            ],
          },
          action: "accept",
        },
      ],
      otherwise: "reject",
    });
    const verdict = (policy: Policy): unknown => seen({}, { importPolicy: policy }).verdict;
    expect(verdict(only("10.1.0.0/16"))).toBe("best");
    expect(verdict(only("10.0.0.0/8"))).toBe("not-eligible");
    expect(verdict(only("10.0.0.0/8", 16, 16))).toBe("best");
    expect(verdict(only("10.0.0.0/8", 17))).toBe("not-eligible");
    expect(verdict(only("10.2.0.0/15", 8, 32))).toBe("not-eligible");
    expect(verdict(only("::/0", 0, 128))).toBe("not-eligible");
  });

  it("matches communities, AS paths and their length", () => {
    const community = "c0 08 04 fde9 0064";
    const large = "c0 20 0c 0000fde9 00000001 00000002";
    const accepted = (match: NonNullable<Policy["statements"][number]["match"]>): boolean => {
      const importPolicy: Policy = {
        statements: [{ name: "m", match, action: "accept" }],
        otherwise: "reject",
      };
      const peer = new ScriptedPeer({ importPolicy }).establish();
      return peer.send(update(`${MANDATORY}${community}${large}`, NLRI)).routes().length > 0;
    };
    expect(accepted({ communities: ["65001:100"] })).toBe(true);
    expect(accepted({ communities: ["65001:101", "no-export"] })).toBe(false);
    expect(accepted({ largeCommunities: ["65001:1:2"] })).toBe(true);
    expect(accepted({ largeCommunities: ["65001:1:3"] })).toBe(false);
    expect(accepted({ asPathContains: [1, 65001] })).toBe(true);
    expect(accepted({ asPathContains: [65002] })).toBe(false);
    expect(accepted({ asPathLength: { min: 1, max: 1 } })).toBe(true);
    expect(accepted({ asPathLength: { min: 2 } })).toBe(false);
    expect(accepted({ sources: ["ebgp"] })).toBe(true);
    expect(accepted({ sources: ["ibgp", "network"] })).toBe(false);
  });
});

describe("what is passed on", () => {
  /** The UPDATE that a second peer gets for what the first one sends. */
  function passed(attributes: string, exportPolicy?: Policy): string | undefined {
    const peer = new ScriptedPeer();
    const second = new ScriptedPeer();
    peer.input({
      kind: "peer-set",
      peer: {
        name: "q",
        neighbor: "10.0.0.3",
        asn: 65003,
        passive: true,
        ...(exportPolicy === undefined ? {} : { exportPolicy }),
      },
    });
    peer.establish();
    peer.input({
      kind: "tcp-accepted",
      connection: 50,
      localAddress: A,
      localPort: 179,
      remote: "10.0.0.3",
      remotePort: 1,
    });
    const open = second.accept().messages(1)[0]!.slice();
    // Our own OPEN, with AS 65003 and another identifier, is as good as theirs.
    open.set([0xfd, 0xeb], 20);
    open.set([10, 0, 0, 3], 24);
    const at = open.findIndex((b, i) => i > 28 && b === 65 && open[i + 1] === 4);
    open.set([0, 0, 0xfd, 0xeb], at + 2);
    peer.input({ kind: "tcp-data", connection: 50, bytes: open });
    peer.input({
      kind: "tcp-data",
      connection: 50,
      bytes: new Uint8Array(19).fill(0xff).map((b, i) => (i < 16 ? b : [0, 19, 4][i - 16]!)),
    });
    const before = peer.messages(2).length;
    peer.send(update(attributes, NLRI));
    const got = peer.messages(2)[before];
    return got === undefined
      ? undefined
      : [...got.slice(23)].map((b) => b.toString(16).padStart(2, "0")).join("");
  }
  const compact = (text: string): string =>
    [...hex(text)].map((b) => b.toString(16).padStart(2, "0")).join("");
  const OUT = "40 01 01 00 40 02 0a 02 02 0000ffeb 0000fde9 40 03 04 0a000001";

  it("has our AS in front, our next hop, and no MED or LOCAL_PREF of others (RFC 4271 §5.1)", () => {
    expect(passed(`${MANDATORY}80 04 04 00000009`)).toBe(compact(`${OUT}${NLRI}`));
  });

  it("keeps communities and unknown transitive attributes, with the Partial bit", () => {
    const kept = "c0 08 04 fde9 0064 c0 20 0c 0000fde9 00000001 00000002";
    expect(passed(`${MANDATORY}${kept}`)).toBe(compact(`${OUT}${kept}${NLRI}`));
    expect(passed(`${MANDATORY}c0 63 02 beef 80 64 01 01`)).toBe(compact(`${OUT}e0 63 02 beef ${NLRI}`));
  });

  it("is nothing when a well-known community says so (RFC 1997)", () => {
    for (const community of ["ffffff01", "ffffff02", "ffffff03"]) {
      expect(passed(`${MANDATORY}c0 08 04 ${community}`)).toBeUndefined();
    }
  });

  it("gets and loses communities by policy", () => {
    const change = set({
      addCommunities: ["65515:7"],
      removeCommunities: ["65001:100"],
      addLargeCommunities: ["1:2:3"],
    });
    expect(passed(`${MANDATORY}c0 08 04 fde9 0064`, change)).toBe(
      compact(`${OUT}c0 08 04 ffeb 0007 c0 20 0c 00000001 00000002 00000003 ${NLRI}`),
    );
  });
});

describe("configuration", () => {
  const speaker = (): BgpSpeaker =>
    new BgpSpeaker({ localAddress: A, asn: 65001, routerId: A }, seededRandom(1));

  it("that cannot be read is refused with what is wrong", () => {
    const wrong = (peer: Partial<PeerConfig>): (() => void) => {
      return () =>
        speaker().handle({ kind: "peer-set", peer: { name: "x", neighbor: B, asn: 1, ...peer } }, 0);
    };
    expect(wrong({ neighbor: "10.0.0" })).toThrow("no address");
    expect(wrong({ holdTime: 2 })).toThrow("hold time 2");
    expect(
      wrong({
        importPolicy: { statements: [{ name: "x", match: { communities: ["a:b"] }, action: "accept" }] },
      }),
    ).toThrow("a:b");
    expect(
      wrong({
        exportPolicy: { statements: [{ name: "x", match: { overlaps: ["10/8"] }, action: "accept" }] },
      }),
    ).toThrow("10/8");
    expect(() => new BgpSpeaker({ localAddress: A, asn: 1, routerId: "x" }, seededRandom(1))).toThrow(
      "router id",
    );
  });

  it("tells the driver what a socket needs (RFC 2385, RFC 5082)", () => {
    const s = speaker();
    s.handle({ kind: "peer-set", peer: { name: "x", neighbor: B, asn: 2, md5: true, ttlSecurity: 2 } }, 0);
    expect(s.transportOptions(B)).toEqual({ md5: true, ttl: 255, minimumTtl: 254 });
    expect(s.transportOptions("10.9.9.9")).toBeUndefined();
    expect(s.poll()).toMatchObject({ kind: "connect", md5: true, ttl: 255, minimumTtl: 254 });
  });
});
