/** NAT traversal (RFC 7296 §2.23, RFC 3948): a translator in the path, its rebinding, forced encapsulation. */
import type { Datagram } from "@tandem/ike";
import {
  A,
  B,
  establishedPair,
  Network,
  Node,
  type Pair,
  settled,
  testConnection,
} from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";

const PUBLIC = "203.0.113.7";

/** A port-translating NAT in front of the nodes named; `shift` is its current mapping. */
class Nat {
  shift = 10_000;
  readonly #inside: Map<number, { address: string; port: number }> = new Map();
  readonly #ports: Map<string, number> = new Map();
  #next = 0;

  translate(d: Datagram, inside: readonly string[]): Datagram | undefined {
    if (inside.includes(d.local)) {
      const key = `${d.local} ${d.localPort} ${this.shift}`;
      const port = this.#ports.get(key) ?? this.shift + this.#next++;
      this.#ports.set(key, port);
      this.#inside.set(port, { address: d.local, port: d.localPort });
      return { ...d, local: PUBLIC, localPort: port };
    }
    if (d.remote !== PUBLIC) return d;
    const back = this.#inside.get(d.remotePort);
    return back === undefined ? undefined : { ...d, remote: back.address, remotePort: back.port };
  }

  rebind(): void {
    this.shift += 1000;
    this.#inside.clear();
  }
}

function behindNat(): Pair & { nat: Nat } {
  const network = new Network();
  const nat = new Nat();
  network.translate = (d) => nat.translate(d, [A]);
  const a = network.add(new Node("a", { seed: 1 }), A);
  const b = network.add(new Node("b", { seed: 2 }), B);
  network.give(b, {
    kind: "connection-set",
    connection: testConnection(B, null, { mode: "ResponderOnly", tunnel: "b", remoteId: A }),
  });
  network.give(a, { kind: "connection-set", connection: testConnection(A, B, { tunnel: "a" }) });
  network.runFor(1000);
  return { network, a, b, nat };
}

describe("behind a NAT", () => {
  it("moves to port 4500 and encapsulates ESP on both sides", () => {
    const pair = behindNat();
    expect(settled(pair)).toBeUndefined();
    expect(pair.a.children[0]!.endpoints.udp).toEqual({ localPort: 4500, remotePort: 4500 });
    const { endpoints } = pair.b.children[0]!;
    expect(endpoints.remote).toBe(PUBLIC);
    expect(endpoints.udp!.remotePort).toBeGreaterThanOrEqual(10_000);
    expect(pair.b.of("ike-sa-up")[0]).toMatchObject({ tunnel: `b/${A}`, template: "b" });
  });

  it("keeps the mapping alive from inside, every 20 s without other traffic", () => {
    const pair = behindNat();
    for (let i = 0; i < 12; i++) {
      for (const n of [pair.a, pair.b])
        pair.network.give(n, { kind: "esp-received", childSa: n.children[0]!.childSa });
      pair.network.runFor(10_000);
    }
    expect(pair.a.of("nat-keepalive").length).toBeGreaterThanOrEqual(5);
    expect(pair.a.of("nat-keepalive")[0]).toMatchObject({ localPort: 4500, remote: B, remotePort: 4500 });
    expect(pair.b.of("nat-keepalive")).toHaveLength(0);
  });

  it("is followed to a new mapping by an authenticated message, and by ESP's word", () => {
    const pair = behindNat();
    pair.nat.rebind();
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "child" });
    pair.network.runFor(5000);
    const moved = pair.b.of("endpoints-changed");
    expect(moved).toHaveLength(1);
    expect(moved[0]!.remotePort).toBeGreaterThanOrEqual(11_000);
    expect(settled(pair)).toBeUndefined();
    const [child] = pair.b.children;
    pair.network.give(pair.b, {
      kind: "endpoint-moved",
      childSa: child!.childSa,
      remote: PUBLIC,
      remotePort: 20_001,
    });
    expect(pair.b.of("endpoints-changed").at(-1)).toMatchObject({
      remotePort: 20_001,
      childSas: [child!.childSa],
    });
  });

  it("is not followed for a datagram that fails authentication, nor for a repeated one", () => {
    const pair = behindNat();
    const sent = pair.network.sent.filter((f) => f.from === pair.a);
    const last = sent.at(-1)!.datagram;
    const elsewhere = { ...last, local: "203.0.113.66", localPort: 6666 };
    pair.network.translate = (d) => d;
    pair.network.inject(elsewhere);
    const broken = last.payload.slice();
    broken[broken.length - 1]! ^= 1;
    pair.network.inject({ ...elsewhere, payload: broken });
    pair.network.runFor(100);
    expect(pair.b.of("endpoints-changed")).toHaveLength(0);
    expect(pair.b.engine.status(pair.network.now).at(-1)!.remote).toBe(PUBLIC);
  });
});

it("two peers behind one NAT, told apart by their identities", () => {
  const network = new Network();
  const nat = new Nat();
  const [x, y] = ["10.0.0.1", "10.0.0.2"] as const;
  network.translate = (d) => nat.translate(d, [x, y]);
  const b = network.add(new Node("b", { seed: 3 }), B);
  const nodes = [x, y].map((address, i) => network.add(new Node(`n${i}`, { seed: 10 + i }), address));
  for (const [i, id] of ["one.example.com", "two.example.com"].entries()) {
    network.give(b, {
      kind: "connection-set",
      connection: testConnection(B, PUBLIC, { mode: "ResponderOnly", tunnel: id, remoteId: id }),
    });
    network.give(nodes[i]!, {
      kind: "connection-set",
      connection: testConnection([x, y][i]!, B, { tunnel: "up", localId: id }),
    });
  }
  network.runFor(2000);
  expect(
    b
      .of("ike-sa-up")
      .map((e) => e.tunnel)
      .sort(),
  ).toEqual(["one.example.com", "two.example.com"]);
  expect(b.children).toHaveLength(2);
});

it("encapsulation is forced where there is no NAT", () => {
  const pair = establishedPair(5, { a: { forceEncapsulation: true } });
  expect(settled(pair)).toBeUndefined();
  expect(pair.a.children[0]!.endpoints.udp).toEqual({ localPort: 4500, remotePort: 4500 });
  expect(pair.b.children[0]!.endpoints.udp).toEqual({ localPort: 4500, remotePort: 4500 });
});

it("a peer with a fixed address is not followed anywhere", () => {
  const pair = establishedPair(6, { a: { forceEncapsulation: false } });
  pair.network.give(pair.b, {
    kind: "endpoint-moved",
    childSa: pair.b.children[0]!.childSa,
    remote: "203.0.113.66",
    remotePort: 1,
  });
  expect(pair.b.of("endpoints-changed")).toHaveLength(0);
});
