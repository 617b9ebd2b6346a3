/** RFC 7606, section by section: what each malformed UPDATE does to its routes and to its session. */
import { describe, expect, it } from "vitest";
import {
  AS_PATH,
  hex,
  MANDATORY,
  NEXT_HOP,
  NLRI,
  OPEN,
  ORIGIN,
  ScriptedPeer,
  update,
} from "./scripted-peer.ts";

type Expected = "accepted" | "withdrawn" | `reset ${string}`;

/** The route is there before, so that a withdrawal shows. */
function outcome(attributes: string, nlri = NLRI, withdrawn = "", peer = new ScriptedPeer()): Expected {
  peer.establish().send(update(MANDATORY, NLRI));
  peer.send(update(attributes, nlri, withdrawn));
  if (peer.state !== "Established") return `reset ${peer.notifications.at(-1)}`;
  return peer.routes().length > 0 ? "accepted" : "withdrawn";
}

const internal = (): ScriptedPeer => new ScriptedPeer({}, { asn: 65001 });

const CASES: readonly (readonly [string, string, Expected])[] = [
  ["well formed", MANDATORY, "accepted"],
  ["§3c ORIGIN with the optional bit", `c0 01 01 00${AS_PATH}${NEXT_HOP}`, "withdrawn"],
  ["§3c AS_PATH not transitive", `${ORIGIN}00 02 06 02 01 0000fde9${NEXT_HOP}`, "withdrawn"],
  ["§3c MULTI_EXIT_DISC transitive", `${MANDATORY}c0 04 04 00000001`, "withdrawn"],
  ["§3c COMMUNITIES well-known", `${MANDATORY}40 08 04 fde90001`, "withdrawn"],
  ["§3c ATOMIC_AGGREGATE with wrong flags", `${MANDATORY}c0 06 00`, "withdrawn"],
  ["§3c NEXT_HOP optional", `${ORIGIN}${AS_PATH}c0 03 04 0a000002`, "withdrawn"],
  ["§3c LARGE_COMMUNITIES not transitive", `${MANDATORY}80 20 0c ${"00000001".repeat(3)}`, "withdrawn"],
  ["§3c the Partial bit and the low four bits are no error", `47 01 01 00${AS_PATH}${NEXT_HOP}`, "accepted"],
  ["§3d no ORIGIN", `${AS_PATH}${NEXT_HOP}`, "withdrawn"],
  ["§3d no AS_PATH", `${ORIGIN}${NEXT_HOP}`, "withdrawn"],
  ["§3d no NEXT_HOP", `${ORIGIN}${AS_PATH}`, "withdrawn"],
  ["§3d no attributes at all", "", "withdrawn"],
  ["§3g ORIGIN twice: the first counts", `${MANDATORY}40 01 01 09`, "accepted"],
  ["§3g an unknown attribute twice", `${MANDATORY}c0 63 01 00 c0 63 01 01`, "accepted"],
  ["§3g the second of two is not even looked at", `${MANDATORY}c0 08 04 fde90001 c0 08 01 00`, "accepted"],
  ["§3g MP_REACH_NLRI twice", `${MANDATORY}80 0e 05 0003010000${"80 0e 05 0003010000"}`, "reset 3/1"],
  ["§3g MP_UNREACH_NLRI twice", `${MANDATORY}80 0f 03 000301${"80 0f 03 000301"}`, "reset 3/1"],
  ["§3h discard and withdraw: withdraw wins", `${AS_PATH}${NEXT_HOP}c0 07 01 00`, "withdrawn"],
  ["§3h withdraw and reset: reset wins", `${AS_PATH}${NEXT_HOP}80 0e 01 00`, "reset 3/9"],
  ["§3h withdraw and withdraw", `40 01 01 03 40 02 06 05 01 0000fde9${NEXT_HOP}`, "withdrawn"],
  ["§3h discard and discard", `${MANDATORY}40 06 01 00 c0 07 01 00`, "accepted"],
  ["§4 an attribute overruns the list", `${MANDATORY}80 04 09 0000`, "withdrawn"],
  ["§4 an attribute header is cut off", `${MANDATORY}80 04`, "withdrawn"],
  ["§4 an extended header is cut off", `${MANDATORY}90 04 00`, "withdrawn"],
  ["§4 two bytes are left", `${MANDATORY}40 06`, "withdrawn"],
  ["§4 ATOMIC_AGGREGATE may be empty", `${MANDATORY}40 06 00`, "accepted"],
  ["§4 MULTI_EXIT_DISC may not", `${MANDATORY}80 04 00`, "withdrawn"],
  ["§4 CLUSTER_LIST may not, from inside it would count", `${MANDATORY}80 0a 00`, "accepted"],
  ["§4 zero length is no ORIGIN", `40 01 00${AS_PATH}${NEXT_HOP}`, "withdrawn"],
  ["§7.1 ORIGIN of two bytes", `40 01 02 0000${AS_PATH}${NEXT_HOP}`, "withdrawn"],
  ["§7.1 ORIGIN of value 3", `40 01 01 03${AS_PATH}${NEXT_HOP}`, "withdrawn"],
  ["§7.2 AS_PATH of a strange segment", `${ORIGIN}40 02 06 05 01 0000fde9${NEXT_HOP}`, "withdrawn"],
  ["§7.2 AS_PATH segment overruns", `${ORIGIN}40 02 06 02 02 0000fde9${NEXT_HOP}`, "withdrawn"],
  ["§7.2 AS_PATH segment of length 0", `${ORIGIN}40 02 02 02 00${NEXT_HOP}`, "withdrawn"],
  ["§7.2 AS_PATH with one byte left", `${ORIGIN}40 02 07 02 01 0000fde9 02${NEXT_HOP}`, "withdrawn"],
  ["§7.2 an empty AS_PATH is well formed", `${ORIGIN}40 02 00${NEXT_HOP}`, "accepted"],
  ["§7.2 AS_PATH with AS 0 (RFC 7607)", `${ORIGIN}40 02 0a 02 02 0000fde9 00000000${NEXT_HOP}`, "withdrawn"],
  [
    "§7.2 AS_PATH of a confederation (RFC 5065 §5)",
    `${ORIGIN}40 02 06 03 01 0000fde9${NEXT_HOP}`,
    "withdrawn",
  ],
  ["§7.3 NEXT_HOP of no bytes", `${ORIGIN}${AS_PATH}40 03 00`, "withdrawn"],
  ["§7.3 NEXT_HOP of 5 bytes", `${ORIGIN}${AS_PATH}40 03 05 0a00000200`, "withdrawn"],
  ["§7.3 NEXT_HOP 0.0.0.0", `${ORIGIN}${AS_PATH}40 03 04 00000000`, "withdrawn"],
  ["§7.3 NEXT_HOP multicast", `${ORIGIN}${AS_PATH}40 03 04 e0000001`, "withdrawn"],
  ["§7.4 MULTI_EXIT_DISC of 3 bytes", `${MANDATORY}80 04 03 000001`, "withdrawn"],
  ["§7.5 LOCAL_PREF from outside, however wrong", `${MANDATORY}40 05 01 00`, "accepted"],
  ["§7.6 ATOMIC_AGGREGATE of a byte", `${MANDATORY}40 06 01 00`, "accepted"],
  ["§7.7 AGGREGATOR of 6 bytes from a 4-octet speaker", `${MANDATORY}c0 07 06 fde90a000001`, "accepted"],
  ["§7.7 AGGREGATOR of AS 0 (RFC 7607)", `${MANDATORY}c0 07 08 00000000 0a000001`, "accepted"],
  ["§7.8 COMMUNITIES of 3 bytes", `${MANDATORY}c0 08 03 fde900`, "withdrawn"],
  ["§7.8 COMMUNITIES of none", `${MANDATORY}c0 08 00`, "withdrawn"],
  ["§7.9 ORIGINATOR_ID from outside", `${MANDATORY}80 09 01 00`, "accepted"],
  ["§7.10 CLUSTER_LIST from outside", `${MANDATORY}80 0a 01 00`, "accepted"],
  ["§5.3 MP_REACH_NLRI with the flags of another", `${MANDATORY}c0 0e 05 0002011000`, "reset 3/9"],
  ["§5.3 MP_UNREACH_NLRI with the flags of another", `${MANDATORY}40 0f 03 000201`, "reset 3/9"],
  ["§7.11 MP_REACH_NLRI of 4 bytes", `${MANDATORY}80 0e 04 00020100`, "reset 3/9"],
  ["§7.11 MP_REACH_NLRI with a next hop of 5", `${MANDATORY}80 0e 0a 000201 05 0000000000 00`, "reset 3/9"],
  ["§7.11 MP_REACH_NLRI's next hop cut off", `${MANDATORY}80 0e 06 000201 10 0000`, "reset 3/9"],
  [
    "§5.3 MP_REACH_NLRI with a prefix of 129 bits",
    `${MANDATORY}80 0e 26 000201 10 20010db8000000000000000000000001 00 81 20010db8000000000000000000000000`,
    "reset 3/9",
  ],
  [
    "§5.3 MP_REACH_NLRI with its last prefix cut off",
    `${MANDATORY}80 0e 18 000201 10 20010db8000000000000000000000001 00 30 2001`,
    "reset 3/9",
  ],
  ["§5.3 MP_UNREACH_NLRI with a prefix of 33 bits", `${MANDATORY}80 0f 09 000101 21 c000020000`, "reset 3/9"],
  ["§5.3 MP_UNREACH_NLRI with its last prefix cut off", `${MANDATORY}80 0f 06 000201 30 2001`, "reset 3/9"],
  ["§7.12 MP_UNREACH_NLRI of 2 bytes", `${MANDATORY}80 0f 02 0002`, "reset 3/9"],
  ["§7.14 extended communities of 7 bytes", `${MANDATORY}c0 10 07 00000000000000`, "withdrawn"],
  ["§7.14 an extended community of no known type", `${MANDATORY}c0 10 08 ffff000000000000`, "accepted"],
  ["§7.15 IPv6 extended communities of 8 bytes", `${MANDATORY}c0 19 08 0000000000000000`, "withdrawn"],
  ["RFC 8092 §5 large communities of 8 bytes", `${MANDATORY}c0 20 08 0000000000000000`, "withdrawn"],
  ["RFC 6793 §6 AS4_PATH from a 4-octet speaker", `${MANDATORY}c0 11 02 0202`, "accepted"],
  ["RFC 4271 §6.3 unknown well-known attribute", `${MANDATORY}40 63 01 00`, "reset 3/2"],
  ["RFC 4271 §9 unknown optional transitive", `${MANDATORY}c0 63 01 00`, "accepted"],
  ["RFC 4271 §9 unknown optional non-transitive", `${MANDATORY}80 63 01 00`, "accepted"],
  ["an address family that is not spoken", `${MANDATORY}80 0e 09 001946 04 0a000002 00`, "accepted"],
];

describe("RFC 7606", () => {
  for (const [name, attributes, expected] of CASES) {
    it(name, () => {
      expect(outcome(attributes)).toBe(expected);
    });
  }

  it("§7.5 LOCAL_PREF of 3 bytes from inside", () => {
    expect(outcome(`${MANDATORY}40 05 03 000000`, NLRI, "", internal())).toBe("withdrawn");
  });
  it("§7.9 ORIGINATOR_ID of 3 bytes from inside", () => {
    expect(outcome(`${MANDATORY}80 09 03 000000`, NLRI, "", internal())).toBe("withdrawn");
  });
  it("§7.10 CLUSTER_LIST of 6 bytes from inside", () => {
    expect(outcome(`${MANDATORY}80 0a 06 000000000000`, NLRI, "", internal())).toBe("withdrawn");
  });

  it("§3b withdrawn routes or attributes overrun the message", () => {
    for (const body of ["00 09 0000", "0000 00 09 40"]) {
      const peer = new ScriptedPeer().establish();
      const b = hex(body);
      const message = new Uint8Array(19 + b.length).fill(0xff);
      message.set([0, message.length, 2], 16);
      message.set(b, 19);
      peer.send(message);
      expect(peer.notifications).toEqual(["3/1"]);
    }
  });

  it("§5.2 a malformed attribute without a prefix to withdraw ends the session", () => {
    expect(outcome("40 01 01 09", "")).toBe("reset 3/1");
    expect(outcome("40 01 01 09", "", "18 c63364")).toBe("reset 3/1");
  });

  it("§5.2 ends it for a weaker reason with MP_UNREACH_NLRI too, but not for a discard", () => {
    const unreach = "80 0f 0a 000201 30 20010db80001";
    expect(outcome(`40 01 01 09 ${unreach}`, "")).toBe("reset 3/1");
    expect(outcome(`40 06 01 00 ${unreach}`, "")).toBe("accepted");
    expect(outcome("40 06 01 00", "")).toBe("accepted");
  });

  it("§5.1 takes MP attributes in any place, and several kinds of prefixes in one message", () => {
    const reach = "80 0e 1c 000201 10 20010db8000000000000000000000002 00 30 20010db80001";
    const unreach = "80 0f 0a 000201 30 20010db80002";
    const peer = new ScriptedPeer().establish();
    peer.send(
      update(`${MANDATORY}${reach.replace("db80001", "db80002")}`, NLRI),
      update(`${ORIGIN}${unreach}${AS_PATH}${reach}${NEXT_HOP}`, "18 c00003", NLRI),
    );
    expect(peer.routes()).toEqual(["192.0.3.0/24", "2001:db8:1::/48"]);
  });

  it("RFC 4760 §3: NEXT_HOP beside MP_REACH_NLRI alone is ignored, however wrong", () => {
    const reach = "80 0e 1c 000201 10 20010db8000000000000000000000002 00 30 20010db80001";
    const peer = new ScriptedPeer().establish().send(update(`${ORIGIN}${AS_PATH}40 03 01 00 ${reach}`));
    expect(peer.routes()).toEqual(["2001:db8:1::/48"]);
    peer.send(update(`${ORIGIN}${AS_PATH}40 03 01 00 ${reach}`, NLRI));
    expect(peer.routes()).toEqual([]);
    expect(peer.state).toBe("Established");
  });

  it("§6 logs the prefixes that are concerned and the whole message", () => {
    const peer = new ScriptedPeer().establish();
    const logs = (): string[] => peer.effects.flatMap((e) => (e.kind === "log" ? [e.message] : []));
    const bad = update(`${AS_PATH}${NEXT_HOP}`, `${NLRI} 10 0a01`);
    peer.send(bad);
    const bytes = Buffer.from(bad).toString("hex");
    expect(logs().at(-1)).toBe(
      `routes taken as withdrawn: ORIGIN or AS_PATH is missing; announces 192.0.2.0/24 10.1.0.0/16; withdraws none; UPDATE ${bytes}`,
    );
    const unreach = "80 0f 0a 000201 30 20010db80001";
    const lost = update(`40 01 01 09 ${unreach}`);
    peer.send(lost);
    expect(logs().at(-1)).toContain("announces none; withdraws 2001:db8:1::/48; UPDATE ffff");
    expect(logs().at(-1)).toContain(Buffer.from(lost).toString("hex"));
    expect(peer.state).toBe("Idle");
  });

  it("§6 logs only some of a flood", () => {
    const peer = new ScriptedPeer().establish();
    for (let i = 0; i < 2500; i++) peer.send(update(`${AS_PATH}${NEXT_HOP}`, NLRI));
    expect(peer.effects.filter((e) => e.kind === "log")).toHaveLength(12);
  });

  it("gives the MP attribute as data of Optional Attribute Error (RFC 4271 §6.3)", () => {
    for (const attribute of ["80 0f 02 0002", "80 0f 06 000201 30 2001", "40 0f 03 000201"]) {
      const peer = new ScriptedPeer().establish().send(update(`${MANDATORY}${attribute}`, NLRI));
      expect(peer.notificationData).toEqual(hex(attribute));
    }
  });

  it("does not use a prefix that is no unicast destination, and keeps the session (RFC 4271 §6.3)", () => {
    const peer = new ScriptedPeer().establish();
    peer.send(update(MANDATORY, "04 e0 08 7f 18 e00001 20 ffffffff 08 0a 00"));
    const v6 = "0a fe80 08 ff 80 00000000000000000000000000000001 03 20";
    peer.send(update(`${MANDATORY}80 0e 2d 000201 10 20010db8000000000000000000000002 00 ${v6}`));
    expect(peer.routes()).toEqual(["0.0.0.0/0", "10.0.0.0/8", "2000::/3"]);
    expect(peer.speaker.why("224.0.0.0/4")?.paths[0]?.reason).toBe("no unicast destination");
    expect(peer.state).toBe("Established");
  });

  it("§5.3 prefixes that cannot be parsed end the session", () => {
    expect(outcome(MANDATORY, "21 c000020000")).toBe("reset 3/10");
    expect(outcome(MANDATORY, "18 c000")).toBe("reset 3/10");
    expect(outcome(MANDATORY, "", "21 c000020000")).toBe("reset 3/10");
  });

  it("counts what sessions survived and keeps them for others", () => {
    const peer = new ScriptedPeer().establish();
    peer.send(update(`${AS_PATH}${NEXT_HOP}`, NLRI), update(`${MANDATORY}40 06 01 00`, NLRI));
    expect(peer.speaker.peers(0)[0]).toMatchObject({ treatAsWithdraw: 1, attributeDiscards: 1 });
    // The same bytes again come from the table of sets, and count again.
    peer.send(update(`${MANDATORY}40 06 01 00`, NLRI));
    expect(peer.speaker.peers(0)[0]).toMatchObject({ attributeDiscards: 2 });
  });

  it("gives the attribute as data for an unknown well-known one (RFC 4271 §6.3)", () => {
    const peer = new ScriptedPeer().establish().send(update(`${MANDATORY}40 63 01 07`, NLRI));
    expect(peer.notificationData).toEqual(hex("40 63 01 07"));
  });

  it("takes AS_PATH of 2 octets from an old speaker, and AS4_PATH with it (RFC 6793 §4.2.3)", () => {
    const old = { ...OPEN, capabilities: { ...OPEN.capabilities, fourOctetAs: undefined } };
    const peer = new ScriptedPeer().establish(old);
    peer.send(
      update(`${ORIGIN}40 02 08 02 03 fde9 5ba0 fdea${NEXT_HOP}c0 11 0a 02 02 00030d40 0000fdea`, NLRI),
    );
    expect(peer.speaker.learnedRoutes({})[0]?.asPath).toBe("65001-200000-65002");
    peer.send(update(`${ORIGIN}40 02 04 02 01 fde9${NEXT_HOP}c0 11 0a 02 02 00030d40 0000fdea`, NLRI));
    expect(peer.speaker.learnedRoutes({})[0]?.asPath).toBe("65001");
    peer.send(update(`${ORIGIN}40 02 04 02 01 fde9${NEXT_HOP}c0 11 03 02 02 00`, NLRI));
    expect(peer.state).toBe("Established");
    expect(peer.speaker.peers(0)[0]?.attributeDiscards).toBe(1);
  });

  it("does not use a route with our own AS in its path or our address as next hop, and says why", () => {
    const peer = new ScriptedPeer().establish();
    peer.send(update(`${ORIGIN}40 02 0a 02 02 0000fde9 0000ffeb${NEXT_HOP}`, NLRI));
    expect(peer.routes()).toEqual([]);
    expect(peer.speaker.why("192.0.2.0/24")?.paths[0]?.reason).toBe("own AS in the path");
    peer.send(update(`${ORIGIN}${AS_PATH}40 03 04 0a000001`, NLRI));
    expect(peer.speaker.why("192.0.2.0/24")?.paths[0]?.reason).toBe("next hop is our own address");
  });
});
