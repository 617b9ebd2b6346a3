/** 5,000 IKE SAs with a Child SA each in one endpoint: what one event or timer does touches its own SA only. */
import { A, B, establishedPair, Network, Node, settled, testConnection } from "@tandem/ike/testing";
import { afterEach, expect, it, vi } from "vitest";
import type { ExportedIkeSa } from "../../src/exported-ike-sa.ts";
import { IkeSa } from "../../src/ike-sa.ts";
import { IkeSaChildren } from "../../src/ike-sa-children.ts";

const MANY = 5_000;

afterEach(() => vi.restoreAllMocks());

/** One real IKE SA, made again under other names, for as many clients of one template. */
function manyClients(): { network: Network; node: Node; states: ExportedIkeSa[] } {
  const pair = establishedPair(1);
  expect(settled(pair)).toBeUndefined();
  const [state] = pair.b.engine.exportIkeSas();
  const [child] = state!.children;
  const hex = (i: number): string => i.toString(16).padStart(16, "0");
  const states = Array.from({ length: MANY }, (_, i): ExportedIkeSa => {
    return {
      ...state!,
      ikeSa: `ike-${i}`,
      tunnel: `any/client-${i}`,
      template: "any",
      initiatorSpi: hex(0x1000_0000 + i),
      responderSpi: hex(0x2000_0000 + i),
      remote: `10.9.${i >> 8}.${i & 255}`,
      remoteId: `client-${i}`,
      children: [{ ...child!, childSa: `child-${i}`, spiIn: 0x1000_0000 + i, spiOut: 0x2000_0000 + i }],
    };
  });
  const network = new Network();
  network.rule = () => [];
  const node = network.add(new Node("b", { seed: 2 }), B);
  const template = testConnection(B, A, { mode: "ResponderOnly", tunnel: "any" });
  network.give(node, {
    kind: "connection-set",
    connection: { ...template, remote: null, dpdTimeout: 3_600_000 },
  });
  network.give(node, { kind: "adopt", ikeSas: states });
  // As if each had answered what is asked after an adoption.
  for (const sa of node.engine.ikeSas) {
    sa.abandonTask();
    node.engine.touch(sa);
  }
  network.runFor(1);
  network.give(node, { kind: "esp-received", childSa: "child-0" });
  return { network, node, states };
}

/** Names of the IKE SAs that any of the ways through which work goes was asked for. */
function watchTouched(): Set<string> {
  const touched = new Set<string>();
  for (const name of ["nextTimeout", "handleTimeout", "heard", "enqueue"] as const) {
    const original = IkeSa.prototype[name] as (...args: unknown[]) => unknown;
    vi.spyOn(IkeSa.prototype, name).mockImplementation(function (this: IkeSa, ...args: unknown[]) {
      touched.add(this.id);
      return original.apply(this, args) as never;
    });
  }
  const children = IkeSaChildren.prototype.nextTimeout;
  vi.spyOn(IkeSaChildren.prototype, "nextTimeout").mockImplementation(function (this: IkeSaChildren) {
    for (const child of this) touched.add(child.install.childSa.replace("child", "ike"));
    return children.call(this);
  });
  return touched;
}

it("an event of one IKE SA touches no other", { timeout: 60_000 }, () => {
  const { network, node } = manyClients();
  expect([...node.engine.ikeSas]).toHaveLength(MANY);
  const touched = watchTouched();
  network.give(node, { kind: "esp-received", childSa: "child-77" });
  network.give(node, { kind: "rekey", tunnel: "any/client-78", what: "child" });
  network.give(node, { kind: "child-soft-expired", childSa: "child-79", cause: "bytes" });
  network.give(node, { kind: "terminate", tunnel: "any/client-80", reason: "test" });
  network.give(node, { kind: "esp-unknown-spi", remote: "10.9.0.81", spi: 0x7777_7777 });
  expect([...touched].sort()).toEqual(["ike-77", "ike-78", "ike-79", "ike-80"]);
});

it("a timer touches what is due", { timeout: 60_000 }, () => {
  const { network, node } = manyClients();
  network.give(node, { kind: "rekey", tunnel: "any/client-5", what: "child" });
  const touched = watchTouched();
  // Its request goes unanswered and is repeated; everybody else's first deadline is twenty minutes away.
  network.runFor(10_000);
  expect([...touched]).toEqual(["ike-5"]);
});
