/**
 * Mutated real messages in every state. Before authentication: octets of real datagrams, changed. After it: real plaintext,
 * changed and sealed with the real keys, so that it reaches the payloads' decoders and the tasks behind them.
 * Nothing may throw, memory stays bounded, an honest exchange afterwards still works, and whatever is answered decodes.
 *
 * IKE_FUZZ_MESSAGES sets the number (100,000 by default in CI's budget of a minute; 10,000,000 with --full).
 */

import type { ExportedIkeSa } from "@tandem/ike";
import {
  A,
  B,
  type EffectOf,
  establishedPair,
  Network,
  Node,
  type Pair,
  settled,
  testConnection,
  testPair,
} from "@tandem/ike/testing";
import { type Random, seededRandom } from "@tandem/sansio";
import { expect, it } from "vitest";
import { openMessage, sealMessage } from "../../src/message/encrypted.ts";
import { decodeIkeHeader, IKE_HEADER_LENGTH } from "../../src/message/header.ts";
import { isMalformed } from "../../src/message/octets.ts";
import { decodePayloadChain, encodePayloadChain, type Payload } from "../../src/message/payload.ts";

declare const process: { readonly env: Readonly<Record<string, string | undefined>> };
const MESSAGES = Number(process.env.IKE_FUZZ_MESSAGES ?? 100_000);
const SEED = Number(process.env.IKE_FUZZ_SEED ?? 1);

/** One to four changes: bits, octets, lengths, pieces cut out, doubled or exchanged. */
function mutate(original: Uint8Array, chance: Random, from: number): Uint8Array {
  let bytes = original.slice();
  for (let i = chance.below(4); i >= 0 && bytes.length > from + 4; i--) {
    const at = from + chance.below(bytes.length - from);
    switch (chance.below(7)) {
      case 0:
        bytes[at]! ^= 1 << chance.below(8);
        break;
      case 1:
        bytes[at] = chance.below(256);
        break;
      case 2:
        bytes[at] = [0, 1, 0x7f, 0x80, 0xff][chance.below(5)]!;
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4: {
        const piece = bytes.slice(at, at + chance.below(32));
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...piece, ...bytes.subarray(at)]);
        break;
      }
      case 5:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + chance.below(16))]);
        break;
      default:
        if (at + 1 < bytes.length) {
          bytes[at] = 0;
          bytes[at + 1] = chance.below(64);
        }
    }
  }
  return bytes;
}

function fixLength(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= IKE_HEADER_LENGTH)
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(24, bytes.length);
  return bytes;
}

function deliver(pair: Pair, to: Node, payload: Uint8Array): EffectOf<"transmit">[] {
  const seen = to.effects.length;
  const [local, remote] = to === pair.a ? [A, B] : [B, A];
  pair.network.give(to, { kind: "datagram", local, localPort: 500, remote, remotePort: 500, payload });
  return to.effects.slice(seen).flatMap(({ effect }) => (effect.kind === "transmit" ? [effect] : []));
}

/** The datagrams of a handshake, a rekey of each kind and a delete, and the states in which they are thrown at a node. */
function corpus(): Uint8Array[] {
  const pair = establishedPair(1);
  for (const what of ["child", "ike"] as const) {
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what });
    pair.network.runFor(3000);
  }
  pair.network.give(pair.a, { kind: "terminate", tunnel: "a", reason: "corpus", hold: true });
  pair.network.runFor(1000);
  return pair.network.sent.map((f) => f.datagram.payload);
}

const STATES: readonly ((seed: number) => Pair)[] = [
  (seed) => testPair(seed),
  (seed) => {
    const pair = testPair(seed);
    pair.network.runFor(15);
    return pair;
  },
  (seed) => {
    const pair = testPair(seed);
    pair.network.runFor(25);
    return pair;
  },
  (seed) => establishedPair(seed),
  (seed) => {
    const pair = establishedPair(seed);
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "child" });
    return pair;
  },
  (seed) => {
    const pair = establishedPair(seed);
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "ike" });
    pair.network.runFor(12);
    return pair;
  },
  (seed) => {
    const pair = establishedPair(seed);
    pair.network.give(pair.b, { kind: "terminate", tunnel: "b", reason: "fuzz" });
    return pair;
  },
];

it(`${MESSAGES / 2} mutated datagrams from a stranger change nothing`, { timeout: 3_600_000 }, () => {
  const chance = seededRandom(SEED);
  const general = corpus();
  const rounds = Math.ceil(MESSAGES / 2 / 2000);
  for (let round = 0; round < rounds; round++) {
    const pair = STATES[round % STATES.length]!(SEED + round);
    const own = pair.network.sent.map((f) => f.datagram.payload);
    for (let i = 0; i < 2000; i++) {
      const source = chance.below(3) === 0 ? general : own;
      const bytes = mutate(source[chance.below(source.length)]!, chance, chance.below(4) === 0 ? 0 : 16);
      // An unchanged copy of a real message, or one whose header alone differs, is no forgery.
      if (own.some((o) => o.length === bytes.length && o.every((b, j) => b === bytes[j]))) continue;
      const answers = deliver(
        pair,
        chance.below(2) === 0 ? pair.a : pair.b,
        chance.below(5) === 0 ? bytes : fixLength(bytes),
      );
      for (const { payload } of answers) {
        const header = decodeIkeHeader(payload);
        expect(isMalformed(header), `seed ${SEED}, round ${round}`).toBe(false);
      }
    }
    expect([...pair.a.engine.ikeSas].length + [...pair.b.engine.ikeSas].length).toBeLessThan(60);
    const before = [...pair.b.engine.ikeSas].filter((sa) => sa.isUp).length;
    const stable = round % STATES.length === 3;
    if (stable) {
      expect(before).toBe(1);
      expect(settled(pair), `seed ${SEED}, round ${round}`).toBeUndefined();
    }
    pair.network.runFor(90_000, () => settled(pair) === undefined);
    expect(settled(pair), `seed ${SEED}, round ${round}, state ${round % STATES.length}`).toBeUndefined();
  }
});

/** What an authenticated but hostile peer can say: mutated plaintext under the right keys, to a fresh copy of the victim each time it dies. */
it(`${MESSAGES / 2} mutated plaintexts under the right keys break at most their own IKE SA`, {
  timeout: 3_600_000,
}, () => {
  const chance = seededRandom(SEED + 1);
  const pair = establishedPair(SEED);
  const models = hostileModels(pair);
  const [state] = pair.b.engine.exportIkeSas();
  const network = new Network();
  network.rule = () => [];
  let victim: Node | undefined;
  for (let sent = 0; sent < MESSAGES / 2; sent++) {
    let sa = victim === undefined ? undefined : [...victim.engine.ikeSas].find((s) => s.isUp);
    if (victim === undefined || sa === undefined || victim.effects.length > 2000) {
      victim = freshCopy(network, state!, sent, sent % 3);
      sa = [...victim.engine.ikeSas].find((s) => s.isUp)!;
    }
    const { suite, keys } = sa.channel!;
    const { first, inner, exchangeType } = models[chance.below(models.length)]!;
    const response = chance.below(4) === 0;
    const payload = sealMessage(
      {
        initiatorSpi: sa.initiatorSpi,
        responderSpi: sa.responderSpi,
        exchangeType: chance.below(8) === 0 ? 34 + chance.below(5) : exchangeType,
        fromInitiator: !sa.initiator,
        response,
        messageId: response ? (sa.window.outstanding?.messageId ?? 0) : sa.window.nextReceive,
      },
      sa.initiator
        ? { choice: suite, encryption: keys.er, integrity: keys.ar }
        : { choice: suite, encryption: keys.ei, integrity: keys.ai },
      chance.bytes(8),
      chance.below(16) === 0 ? chance.below(60) : first,
      mutate(inner, chance, 0),
      chance.below(16) === 0 ? { number: chance.below(5), total: chance.below(5) } : undefined,
    );
    const seen = victim.effects.length;
    network.give(victim, { kind: "datagram", local: B, localPort: 500, remote: A, remotePort: 500, payload });
    for (const { effect } of victim.effects.slice(seen))
      if (effect.kind === "transmit")
        expect(isMalformed(decodeIkeHeader(effect.payload)), `${sent}`).toBe(false);
    expect([...victim.engine.ikeSas].length).toBeLessThan(100);
    for (const each of victim.engine.ikeSas) expect(each.children.size).toBeLessThanOrEqual(128);
    network.sent.length = 0; // its record of every answer would fill the memory in millions of rounds
  }
});

/** The victim at rest, or with a rekey of its own under way. */
function freshCopy(network: Network, state: ExportedIkeSa, seed: number, busy: number): Node {
  const node = new Node("b", { seed });
  network.give(node, {
    kind: "connection-set",
    connection: testConnection(B, A, { mode: "ResponderOnly", tunnel: "b" }),
  });
  network.give(node, {
    kind: "adopt",
    ikeSas: [{ ...state, peerSupports: { ...state.peerSupports, messageIdSync: busy === 0 } }],
  });
  if (busy > 0) {
    const sa = [...node.engine.ikeSas][0]!;
    sa.abandonTask();
    network.give(node, { kind: "rekey", tunnel: "b", what: busy === 1 ? "child" : "ike" });
  }
  return node;
}

/** The plaintexts of real requests: create, rekeys of both kinds, deletes, liveness, errors. */
function hostileModels(pair: Pair): { first: number; inner: Uint8Array; exchangeType: number }[] {
  const seen = pair.network.sent.length;
  for (const what of ["child", "ike"] as const) {
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what });
    pair.network.runFor(3000);
  }
  const models: { first: number; inner: Uint8Array; exchangeType: number }[] = [];
  const keysOf = [...pair.a.engine.ikeSas].flatMap((sa) => {
    const { suite, keys } = sa.channel!;
    return [
      { choice: suite, encryption: keys.ei, integrity: keys.ai },
      { choice: suite, encryption: keys.er, integrity: keys.ar },
    ];
  });
  for (const { datagram } of pair.network.sent.slice(seen - 2)) {
    const header = decodeIkeHeader(datagram.payload);
    if (isMalformed(header) || header.exchangeType === 34) continue;
    const chain = decodePayloadChain(header.nextPayload, datagram.payload, IKE_HEADER_LENGTH);
    if (isMalformed(chain) || chain.protectedPart === undefined) continue;
    for (const keys of keysOf) {
      const opened = openMessage(datagram.payload, chain.protectedPart, keys);
      if (opened.ok)
        models.push({ first: opened.first, inner: opened.inner, exchangeType: header.exchangeType });
    }
  }
  const extra: Payload[][] = [
    [{ kind: "N", protocol: 0, spi: "", type: 24, data: new Uint8Array(0) }],
    [{ kind: "N", protocol: 0, spi: "", type: 16422, data: new Uint8Array(12) }],
    [{ kind: "D", protocol: 1, spis: [] }],
    [{ kind: "D", protocol: 3, spis: ["01020304", "05060708"] }],
    [{ kind: "unknown", type: 201, critical: true, data: new Uint8Array(4) }],
  ];
  for (const payloads of extra) {
    const { first, bytes } = encodePayloadChain(payloads);
    models.push({ first, inner: bytes, exchangeType: 37 });
  }
  return models;
}
