/** Named regressions of the fuzzer: what a peer with the right keys may answer. */
import { A, B, establishedPair, type Pair, settled } from "@tandem/ike/testing";
import { expect, it } from "vitest";
import { sealMessage } from "../../src/message/encrypted.ts";

/** An empty response of the given exchange to b's request under way. */
function answerB(pair: Pair, exchangeType: number): void {
  const sa = [...pair.b.engine.ikeSas].find((s) => s.isUp)!;
  const { suite, keys } = sa.channel!;
  const payload = sealMessage(
    {
      initiatorSpi: sa.initiatorSpi,
      responderSpi: sa.responderSpi,
      exchangeType,
      fromInitiator: true,
      response: true,
      messageId: sa.window.outstanding!.messageId,
    },
    { choice: suite, encryption: keys.ei, integrity: keys.ai },
    Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9),
    0,
    new Uint8Array(0),
  );
  pair.network.give(pair.b, {
    kind: "datagram",
    local: B,
    localPort: 500,
    remote: A,
    remotePort: 500,
    payload,
  });
}

it("a response of another exchange than the request is dropped (found by fuzzing)", () => {
  const pair = establishedPair(1);
  pair.network.give(pair.b, { kind: "rekey", tunnel: "b", what: "child" });
  answerB(pair, 37);
  expect(pair.b.engine.drops["unexpected-response"]).toBe(1);
  pair.network.runFor(5000);
  expect(settled(pair)).toBeUndefined();
});

it("a response without its mandatory payloads ends the IKE SA with words", () => {
  const pair = establishedPair(2);
  pair.network.give(pair.b, { kind: "rekey", tunnel: "b", what: "child" });
  answerB(pair, 36);
  expect(pair.b.of("ike-sa-down")[0]).toMatchObject({
    cause: "protocol-error",
    reason: "malformed response from the peer: SA payload is missing",
  });
});
