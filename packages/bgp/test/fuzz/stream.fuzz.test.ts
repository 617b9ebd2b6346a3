/** Anything at all on the wire: nothing throws, other sessions stay, memory stays bounded, state stays consistent. */
import { type Random, seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/message/header.ts";
import { encodeKeepalive } from "../../src/message/keepalive.ts";
import { encodeOpen } from "../../src/message/open.ts";
import { hex, MANDATORY, NLRI, OPEN, ScriptedPeer, update } from "../scripted-peer.ts";

const V6 = "80 0e 1d 000201 10 20010db8000000000000000000000002 00 30 20010db80001 00";
const SAMPLES: readonly Uint8Array[] = [
  encodeOpen(OPEN),
  encodeOpen({
    ...OPEN,
    capabilities: {
      ...OPEN.capabilities,
      gracefulRestart: {
        restarted: true,
        restartTime: 120,
        families: [{ family: "ipv4-unicast", forwarding: true }],
      },
    },
  }),
  encodeKeepalive(),
  update(MANDATORY, NLRI),
  update(
    `${MANDATORY}c0 08 08 fde90001 ffffff01 c0 20 0c 00000001 00000002 00000003 c0 63 02 0102`,
    `${NLRI} 10 0a01`,
  ),
  update("", "", "18 c00002 10 0a01"),
  update(`${MANDATORY}${V6}`),
  update("80 0f 0a 000201 30 20010db80001"),
  update("80 0f 03 000201"),
  update(""),
  encodeMessage(3, hex("06 02 03 616263")),
  encodeMessage(5, hex("0001 00 01")),
];

function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const out = bytes.slice();
  for (let n = 1 + random.below(4); n > 0; n--) {
    // The body mostly: a broken header ends the stream before anything interesting is read.
    const at =
      random.below(10) === 0
        ? random.below(out.length)
        : Math.min(out.length - 1, 18 + random.below(out.length));
    out[at] = random.below(3) === 0 ? random.below(256) : out[at]! ^ (1 << random.below(8));
  }
  return out;
}

/** A second peer of the same speaker, which must not notice anything. */
function withWitness(): ScriptedPeer {
  const peer = new ScriptedPeer({ idleHoldTime: 0 });
  peer.input({
    kind: "peer-set",
    peer: { name: "w", neighbor: "10.0.0.3", asn: 65003, passive: true, holdTime: 0 },
  });
  peer.input({
    kind: "tcp-accepted",
    connection: 9_000_000,
    localAddress: "10.0.0.1",
    localPort: 179,
    remote: "10.0.0.3",
    remotePort: 40_001,
  });
  const open = {
    ...OPEN,
    asn: 65003,
    routerId: 3,
    holdTime: 0,
    capabilities: { ...OPEN.capabilities, fourOctetAs: 65003 },
  };
  for (const bytes of [encodeOpen(open), encodeKeepalive()]) {
    peer.input({ kind: "tcp-data", connection: 9_000_000, bytes });
  }
  return peer;
}

describe("fuzz", () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`mutated messages, seed ${seed}`, () => {
      const random = seededRandom(seed);
      const peer = withWitness();
      let established = 0;
      for (let i = 0; i < 6000; i++) {
        if (peer.state === "Idle" || peer.state === "Active") {
          peer.wait(100_000);
          peer.connection++;
          peer.accept();
          if (random.below(8) > 0) {
            peer.send(encodeOpen(OPEN), encodeKeepalive());
            established++;
          }
        }
        const sample = SAMPLES[random.below(SAMPLES.length)]!;
        const bytes = random.below(4) === 0 ? sample : mutate(sample, random);
        if (random.below(3) === 0) {
          const at = random.below(bytes.length);
          peer.send(bytes.slice(0, at), bytes.slice(at));
        } else peer.send(bytes);
        if (random.below(50) === 0) peer.wait(random.below(100_000));
        if (peer.effects.length > 5000) peer.effects.length = 0;
      }
      expect(established).toBeGreaterThan(50);
      expect(peer.speaker.peers(peer.now)[1]?.state).toBe("Established");
      peer.input({ kind: "peer-removed", peer: "p" });
      peer.wait(1000);
      expect(peer.speaker.learnedRoutes({})).toEqual([]);
    });
  }

  it("noise", () => {
    const random = seededRandom(77);
    const peer = withWitness();
    for (let i = 0; i < 3000; i++) {
      if (peer.state === "Idle" || peer.state === "Active") {
        peer.wait(100_000);
        peer.connection++;
        peer.establish();
      }
      const body = random.bytes(random.below(200));
      peer.send(encodeMessage(1 + random.below(5), body));
    }
    expect(peer.speaker.peers(peer.now)[1]?.state).toBe("Established");
  });

  it("a session split at every byte is the same session", () => {
    const stream = Uint8Array.from([
      ...encodeOpen(OPEN),
      ...encodeKeepalive(),
      ...update(MANDATORY, NLRI),
      ...update(`${MANDATORY}${V6}`),
      ...encodeKeepalive(),
      ...update("", "", "10 0a01"),
    ]);
    const whole = new ScriptedPeer().accept().send(stream).routes();
    expect(whole).toEqual(["192.0.2.0/24", "2001:db8:1::/48", "::/0"].toSorted());
    for (let at = 0; at <= stream.length; at++) {
      expect(new ScriptedPeer().accept().send(stream.slice(0, at), stream.slice(at)).routes()).toEqual(whole);
    }
  });
});
