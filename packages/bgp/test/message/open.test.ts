import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/message/header.ts";
import { decodeOpen, encodeOpen, type Open } from "../../src/message/open.ts";
import { hex, ScriptedPeer } from "../scripted-peer.ts";

const raw = (body: string): Uint8Array => encodeMessage(1, hex(body));
/** version 4, AS 65001, hold 180, identifier 10.0.0.2 */
const FIXED = "04 fde9 00b4 0a000002";

describe("OPEN", () => {
  it("is what it was after encoding and decoding", () => {
    fc.assert(
      fc.property(
        fc.record({
          asn: fc.integer({ min: 1, max: 0xffffffff }),
          holdTime: fc.integer({ min: 0, max: 0xffff }),
          routerId: fc.integer({ min: 1, max: 0xffffffff }),
          restarted: fc.boolean(),
          restartTime: fc.integer({ min: 0, max: 4095 }),
          refresh: fc.boolean(),
        }),
        (o) => {
          const open: Open = {
            asn: o.asn,
            holdTime: o.holdTime,
            routerId: o.routerId,
            capabilities: {
              families: ["ipv4-unicast", "ipv6-unicast"],
              routeRefresh: o.refresh,
              fourOctetAs: o.asn,
              gracefulRestart: {
                restarted: o.restarted,
                restartTime: o.restartTime,
                families: [{ family: "ipv6-unicast", forwarding: o.refresh }],
              },
              declined: [],
            },
          };
          const bytes = encodeOpen(open);
          expect(decodeOpen(bytes, 0, bytes.length)).toEqual({ ok: true, value: open });
        },
      ),
    );
  });

  it("without capabilities means IPv4 unicast and 2-octet AS numbers", () => {
    const bytes = raw(`${FIXED} 00`);
    expect(decodeOpen(bytes, 0, bytes.length)).toMatchObject({
      ok: true,
      value: { asn: 65001, capabilities: { families: undefined, fourOctetAs: undefined } },
    });
  });

  it("declines capabilities that we do not speak, and reads the others", () => {
    const bytes = raw(`${FIXED} 12 02 10 45 04 00010101 47 00 46 00 41 04 0000fde9`);
    expect(decodeOpen(bytes, 0, bytes.length)).toMatchObject({
      ok: true,
      value: { asn: 65001, capabilities: { declined: [69, 71, 70] } },
    });
  });

  it("takes several capability parameters, and the same capability again (RFC 5492 §4)", () => {
    const bytes = raw(`${FIXED} 18 02 06 41 04 0000fde9 02 0e 01 04 00020001 01 04 00020001 02 00`);
    expect(decodeOpen(bytes, 0, bytes.length)).toMatchObject({
      ok: true,
      value: {
        asn: 65001,
        capabilities: { families: ["ipv6-unicast"], routeRefresh: true, fourOctetAs: 65001 },
      },
    });
  });

  it("counts the last of several graceful restart capabilities (RFC 4724 §3)", () => {
    const bytes = raw(`${FIXED} 0a 02 08 40 02 0078 40 02 803c`);
    expect(decodeOpen(bytes, 0, bytes.length)).toMatchObject({
      ok: true,
      value: { capabilities: { gracefulRestart: { restarted: true, restartTime: 60 } } },
    });
  });

  it("reads the extended length of RFC 9072", () => {
    const bytes = raw(`${FIXED} ff ff 0009 02 0006 41 04 0000fde9`);
    expect(decodeOpen(bytes, 0, bytes.length)).toMatchObject({ ok: true, value: { asn: 65001 } });
  });

  const refused: readonly (readonly [string, string, string])[] = [
    ["version 3", "03 fde9 00b4 0a000002 00", "2/1"],
    ["another AS", "04 fdea 00b4 0a000002 00", "2/2"],
    ["AS 0 (RFC 7607)", "04 0000 00b4 0a000002 00", "2/2"],
    [
      "AS 0 beside a capability with another (RFC 7607)",
      "04 0000 00b4 0a000002 08 02 06 41 04 0000fde9",
      "2/2",
    ],
    ["AS 0 in the capability (RFC 7607)", `${FIXED} 08 02 06 41 04 00000000`, "2/2"],
    ["identifier 0", "04 fde9 00b4 00000000 00", "2/3"],
    ["hold time 1", "04 fde9 0001 0a000002 00", "2/6"],
    ["hold time 2", "04 fde9 0002 0a000002 00", "2/6"],
    ["an optional parameter that is not capabilities", `${FIXED} 03 01 01 00`, "2/4"],
    ["parameters shorter than they say", `${FIXED} 05 02 00`, "2/0"],
    ["a parameter that overruns", `${FIXED} 02 02 09`, "2/0"],
    ["a capability that overruns", `${FIXED} 04 02 02 41 04`, "2/0"],
    ["half a parameter", `${FIXED} 01 02`, "2/0"],
    ["only a family that we do not speak", `${FIXED} 08 02 06 01 04 00190041`, "2/7"],
  ];
  for (const [name, body, expected] of refused) {
    it(`is refused with ${expected}: ${name}`, () => {
      const peer = new ScriptedPeer().accept().send(raw(body));
      expect(peer.notifications).toEqual([expected]);
      expect(peer.state).toBe("Idle");
    });
  }

  it("tells the version that we speak as data", () => {
    const peer = new ScriptedPeer().accept().send(raw("03 fde9 00b4 0a000002 00"));
    expect(peer.notificationData).toEqual(Uint8Array.of(0, 4));
  });

  it("is sent without capabilities after the peer refused optional parameters (RFC 5492 §3)", () => {
    const peer = new ScriptedPeer({ connectRetryTime: 1 }).accept();
    peer.send(encodeMessage(3, hex("02 04")));
    peer.wait(2000);
    peer.connection = 2;
    peer.accept();
    const opens = peer.messages(1);
    expect(opens[0]!.length).toBeGreaterThan(29);
    expect(opens[1]!.length).toBe(29);
  });
});
