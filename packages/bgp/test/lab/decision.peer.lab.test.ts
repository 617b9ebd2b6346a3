/**
 * The decision process against BIRD's: eight peers announce thousands of prefixes with random attributes, the same
 * to both, and both must choose the same path for every prefix, before and after random withdrawals.
 */

import { connect, type Socket } from "node:net";
import { seededRandom } from "@tandem/sansio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prependAs } from "../../src/attributes/as-path.ts";
import { encodeAttributes } from "../../src/attributes/encode.ts";
import { BgpSpeaker } from "../../src/index.ts";
import { encodeMessage } from "../../src/message/header.ts";
import { encodeKeepalive } from "../../src/message/keepalive.ts";
import { encodeOpen } from "../../src/message/open.ts";
import { LabNet, until } from "./lab-net.ts";

const PREFIXES = 4000;
const LOCAL_AS = 65515;
const BIRD = "127.0.77.1";
/** Two peers of AS 65001, so that MED matters; two of our own AS. */
const PEERS = [65001, 65001, 65002, 65002, 65003, 65004, LOCAL_AS, LOCAL_AS].map((asn, i) => ({
  name: `p${i}`,
  asn,
  address: `127.0.77.${11 + i}`,
  // Not in the order of the addresses.
  routerId: ((i * 5) % 8) + 1,
}));

const prefixText = (i: number): string => `20.${i >> 8}.${i & 255}.0/24`;
const nlri = (i: number): number[] => [24, 20, i >> 8, i & 255];

function update(
  withdrawn: readonly number[],
  attributes: Uint8Array,
  announced: readonly number[],
): Uint8Array {
  const [w, a] = [withdrawn.length, attributes.length];
  return encodeMessage(
    2,
    Uint8Array.from([w >> 8, w & 255, ...withdrawn, a >> 8, a & 255, ...attributes, ...announced]),
  );
}

/** What one peer says, as messages. */
function script(peer: (typeof PEERS)[number], random: ReturnType<typeof seededRandom>): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let i = 0; i < PREFIXES; i++) {
    if (random.below(3) === 0) continue;
    const internal = peer.asn === LOCAL_AS;
    let asPath: Uint8Array = new Uint8Array(0);
    for (let n = 1 + random.below(3); n > 0; n--) asPath = prependAs(asPath, 65001 + random.below(4), 1);
    if (!internal) asPath = prependAs(asPath, peer.asn, 1);
    const attributes = encodeAttributes(
      {
        origin: random.below(3),
        asPath,
        nextHop: Uint8Array.from(peer.address.split(".").map(Number)),
        med: random.below(3) === 0 ? undefined : random.below(3),
        localPref: internal ? 99 + random.below(3) : undefined,
        atomicAggregate: false,
        aggregator: undefined,
        communities: undefined,
        largeCommunities: undefined,
        originatorId: internal && random.below(4) === 0 ? 1 + random.below(9) : undefined,
        clusterList:
          internal && random.below(3) === 0 ? new Uint8Array(4 * (1 + random.below(2))).fill(7) : undefined,
        opaque: [],
      },
      { fourOctetAs: true, nextHop: true },
    );
    messages.push(update([], attributes, nlri(i)));
    if (random.below(8) === 0) messages.push(update(nlri(random.below(i + 1)), new Uint8Array(0), []));
  }
  return messages;
}

const openOf = (p: (typeof PEERS)[number]): Uint8Array =>
  encodeOpen({
    asn: p.asn,
    holdTime: 0,
    routerId: p.routerId,
    capabilities: {
      families: ["ipv4-unicast"],
      routeRefresh: true,
      fourOctetAs: p.asn,
      gracefulRestart: undefined,
      declined: [],
    },
  });

/** Everything to BIRD over TCP. */
function tellBird(
  net: string,
  peer: (typeof PEERS)[number],
  messages: readonly Uint8Array[],
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: net, port: 1797, localAddress: peer.address });
    socket.once("error", reject);
    socket.once("connect", () => socket.write(openOf(peer)));
    let buffer = Buffer.alloc(0);
    socket.on("data", (data) => {
      buffer = Buffer.concat([buffer, data]);
      while (buffer.length >= 19 && buffer.length >= buffer.readUInt16BE(16)) {
        const length = buffer.readUInt16BE(16);
        const type = buffer[18];
        if (type === 1) socket.write(encodeKeepalive());
        if (type === 3) reject(new Error(`NOTIFICATION ${buffer[19]}/${buffer[20]}`));
        if (type === 4) {
          socket.write(Buffer.concat(messages));
          resolve(socket);
        }
        buffer = buffer.subarray(length);
      }
    });
  });
}

/** Everything to our engine; the best path's peer by prefix. */
function tellTandem(scripts: readonly (readonly Uint8Array[])[]): Map<string, string> {
  const speaker = new BgpSpeaker(
    { localAddress: BIRD, asn: LOCAL_AS, routerId: "127.0.77.1", fib: false },
    seededRandom(1),
  );
  const drain = (): void => {
    while (speaker.poll() !== undefined);
  };
  PEERS.forEach((p, i) => {
    speaker.handle(
      { kind: "peer-set", peer: { name: p.name, neighbor: p.address, asn: p.asn, passive: true } },
      0,
    );
    const connection = i + 1;
    speaker.handle(
      {
        kind: "tcp-accepted",
        connection,
        localAddress: BIRD,
        localPort: 179,
        remote: p.address,
        remotePort: 40_000 + i,
      },
      0,
    );
    for (const bytes of [openOf(p), encodeKeepalive(), ...scripts[i]!]) {
      speaker.handle({ kind: "tcp-data", connection, bytes }, 0);
      drain();
    }
  });
  const best = new Map<string, string>();
  for (const r of speaker.learnedRoutes({ limit: 1_000_000 }))
    if (!best.has(r.network)) best.set(r.network, r.sourcePeer);
  return best;
}

const CONFIG = [
  "router id 127.0.77.1;",
  "protocol device {}",
  ...PEERS.map(
    (p) => `protocol bgp ${p.name} {
  local ${BIRD} port 1797 as ${LOCAL_AS}; neighbor ${p.address} as ${p.asn}; strict bind;
  multihop; passive; hold time 0; deterministic med on;
  ipv4 { import all; export none; };
}`,
  ),
].join("\n");

describe("the decision process", () => {
  let net: LabNet;
  const sockets: Socket[] = [];

  beforeAll(() => {
    net = new LabNet("decision", []);
  });

  afterAll(async () => {
    for (const s of sockets) s.destroy();
    await net?.close();
  });

  it(`chooses as BIRD does, for ${PREFIXES} prefixes with random attributes`, async () => {
    const config = net.file("bird.conf", CONFIG);
    const ctl = `${net.folder}/bird.ctl`;
    net.startOutside("bird", "-f", "-c", config, "-s", ctl);
    const random = seededRandom(20);
    const scripts = PEERS.map((p) => script(p, random));
    const birdc = (...words: string[]): string => net.runOutside("birdc", "-s", ctl, ...words);
    await until("BIRD is up", () => {
      try {
        return birdc("show", "status").includes("up and running");
      } catch {
        return false;
      }
    });
    for (const [i, p] of PEERS.entries()) sockets.push(await tellBird(BIRD, p, scripts[i]!));
    const tandem = tellTandem(scripts);
    const count = (): number =>
      Number(/Total: (\d+) of (\d+) routes for (\d+)/.exec(birdc("show", "route", "count"))?.[1] ?? 0);
    let last = -1;
    await until("BIRD has read everything", async () => {
      const now = count();
      const same = now === last && now > PREFIXES;
      last = now;
      if (!same) await new Promise((resolve) => setTimeout(resolve, 500));
      return same;
    });
    const bird = new Map<string, string>();
    for (const line of birdc("show", "route", "primary").split("\n")) {
      const m = /^(\S+\/\d+)\s.*\[p(\d)\s/.exec(line);
      if (m !== null) bird.set(m[1]!, PEERS[Number(m[2])]!.address);
    }
    expect(bird.size).toBeGreaterThan(PREFIXES * 0.9);
    const different = [...bird].filter(([prefix, peer]) => tandem.get(prefix) !== peer);
    const detail = different
      .slice(0, 3)
      .map(
        ([prefix, peer]) =>
          `${prefix}: BIRD ${peer}, here ${tandem.get(prefix)}\n${birdc("show", "route", prefix, "all")}`,
      );
    expect(detail).toEqual([]);
    expect(tandem.size).toBe(bird.size);
    expect([...tandem.keys()]).toContain(prefixText(1));
  });
});
