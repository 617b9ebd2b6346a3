/** Point-to-site: virtual addresses from a pool (RFC 7296 §2.19, §3.15), one tunnel per client. */
import { type IkeConnection, selectorOfText } from "@tandem/ike";
import { B, Network, Node, testConnection } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";

const any = (text: string) => [selectorOfText(text)!];

function clients(count: number, pool: readonly string[], over: Partial<IkeConnection> = {}) {
  const network = new Network();
  const b = network.add(new Node("b", { seed: 1 }), B);
  network.give(b, {
    kind: "connection-set",
    connection: testConnection(B, null, {
      mode: "ResponderOnly",
      tunnel: "p2s",
      addressPool: pool,
      dnsServers: ["10.0.0.53"],
      responderSelectors: "policy",
      children: [{ name: "net", local: any("10.0.0.0/16"), remote: [...any("0.0.0.0/0"), ...any("::/0")] }],
    }),
  });
  const nodes = Array.from({ length: count }, (_, i) => {
    const node = network.add(new Node(`c${i}`, { seed: 10 + i }), `203.0.113.${i + 1}`);
    network.give(node, {
      kind: "connection-set",
      connection: testConnection(`203.0.113.${i + 1}`, B, {
        tunnel: "vpn",
        localId: `user${i}@example.com`,
        requestAddress: true,
        ...over,
      }),
    });
    return node;
  });
  network.runFor(2000);
  return { network, b, nodes };
}

describe("virtual addresses", () => {
  it("are given from the pool, and the selectors are narrowed to them", () => {
    const { b, nodes } = clients(3, ["172.16.0.0/24"]);
    const given = nodes.map((n) => n.of("ike-sa-up")[0]!.virtualAddresses!.local[0]);
    expect(given).toEqual(["172.16.0.1", "172.16.0.2", "172.16.0.3"]);
    expect(nodes[1]!.children[0]!.localSelectors).toEqual(any("172.16.0.2/32"));
    expect(nodes[1]!.children[0]!.remoteSelectors).toEqual(any("10.0.0.0/16"));
    expect(b.of("ike-sa-up").map((e) => e.tunnel)).toEqual([
      "p2s/user0@example.com",
      "p2s/user1@example.com",
      "p2s/user2@example.com",
    ]);
    expect(b.of("ike-sa-up")[0]).toMatchObject({
      template: "p2s",
      virtualAddresses: { remote: ["172.16.0.1"] },
    });
  });

  it("of both families", () => {
    const both = [...any("0.0.0.0/0"), ...any("::/0")];
    const { nodes } = clients(1, ["172.16.0.0/24", "fd00:1::/64"], {
      children: [{ name: "net", local: both, remote: both }],
    });
    expect(nodes[0]!.of("ike-sa-up")[0]!.virtualAddresses!.local).toEqual(["172.16.0.1", "fd00:1::1"]);
  });

  it("come back to the client that had them, and go to others when it has left", () => {
    const { network, nodes } = clients(2, ["172.16.0.0/30"]);
    const [first, second] = nodes;
    network.give(first!, { kind: "terminate", tunnel: "vpn", reason: "test", hold: true });
    network.runFor(1000);
    network.give(first!, { kind: "initiate", tunnel: "vpn" });
    network.runFor(2000);
    expect(first!.of("ike-sa-up").at(-1)!.virtualAddresses!.local).toEqual(["172.16.0.1"]);
    expect(second!.ikeSas).toHaveLength(1);
  });

  it("run out with INTERNAL_ADDRESS_FAILURE and words on both sides", () => {
    const { b, nodes } = clients(3, ["172.16.0.0/30"]);
    expect(nodes.filter((n) => n.children.length === 1)).toHaveLength(2);
    expect(nodes[2]!.transcript).toContain("no virtual address to be had (INTERNAL_ADDRESS_FAILURE)");
    expect(b.transcript).toContain("the address pool has no free IPv4 address");
  });

  it("must be asked for: FAILED_CP_REQUIRED", () => {
    const { nodes } = clients(1, ["172.16.0.0/24"], { requestAddress: false });
    expect(nodes[0]!.children).toHaveLength(0);
    expect(nodes[0]!.transcript).toContain("a virtual address must be asked for (FAILED_CP_REQUIRED)");
  });

  it("survive a rekey of everything", () => {
    const { network, b, nodes } = clients(1, ["172.16.0.0/24"]);
    for (const what of ["child", "ike"] as const) {
      network.give(nodes[0]!, { kind: "rekey", tunnel: "vpn", what });
      network.runFor(5000);
    }
    expect(nodes[0]!.children[0]!.localSelectors).toEqual(any("172.16.0.1/32"));
    expect(b.ikeSas).toHaveLength(1);
    expect(b.children).toHaveLength(1);
  });
});
