import type { ChildSaLiveState } from "@tandem/esp";
import type { ExportedIkeSa } from "@tandem/ike";
import { describe, expect, it } from "vitest";
import { adoptedState } from "../../src/replication/adoption.ts";
import { ReplicaStore } from "../../src/replication/replica-store.ts";
import { SEQUENCE_BLOCK, SEQUENCE_MARGIN } from "../../src/seat/sa-book.ts";

const live = (top: number): ChildSaLiveState => ({
  id: "c",
  reservedUpTo: 1,
  replay: { top, bitmap: Uint8Array.of(1) },
  bytesIn: 0,
  bytesOut: 0,
  packetsIn: top,
  packetsOut: 0,
});

function store() {
  const replicas = new ReplicaStore(() => 0);
  const ikeSa = { ikeSa: "i", ivReservedUpTo: 100, children: [{ childSa: "c" }] } as unknown as ExportedIkeSa;
  replicas.apply({ kind: "ike-sa", seat: "s", epoch: 1, ikeSa: "i", state: ikeSa });
  return { replicas };
}

describe("adoption", () => {
  it("starts above every reservation and its margin, told or implied", () => {
    const { replicas } = store();
    expect(adoptedState(replicas.get("s")!).live.get("c")?.reservedUpTo).toBe(
      1 + SEQUENCE_BLOCK + SEQUENCE_MARGIN,
    );
    replicas.apply({ kind: "sequence", seat: "s", epoch: 1, childSa: "c", reservedUpTo: 9_000_000 });
    replicas.apply({ kind: "sequence", seat: "s", epoch: 1, childSa: "c", reservedUpTo: 8_000_000 });
    expect(adoptedState(replicas.get("s")!).live.get("c")?.reservedUpTo).toBe(9_000_000 + SEQUENCE_MARGIN);
    expect(adoptedState(replicas.get("s")!).ikeSas[0]?.ivReservedUpTo).toBe(100 + 2 ** 40);
  });

  it("goes on with the window that was told last", () => {
    const { replicas } = store();
    replicas.apply({ kind: "live", seat: "s", epoch: 1, states: [live(7)] });
    replicas.apply({ kind: "live", seat: "s", epoch: 1, states: [live(9)] });
    expect(adoptedState(replicas.get("s")!).live.get("c")?.replay).toEqual(live(9).replay);
  });

  it("keeps a reservation while its Child SA is on its way from one IKE SA to the next", () => {
    const { replicas } = store();
    const of = (ikeSa: string, children: object[]) =>
      ({ ikeSa, ivReservedUpTo: 1, children }) as unknown as ExportedIkeSa;
    const tell = (ikeSa: string, children: object[]): boolean =>
      replicas.apply({ kind: "ike-sa", seat: "s", epoch: 1, ikeSa, state: of(ikeSa, children) });
    replicas.apply({ kind: "sequence", seat: "s", epoch: 1, childSa: "c", reservedUpTo: 9_000_000 });
    tell("i", []);
    tell("j", [{ childSa: "c" }]);
    expect(adoptedState(replicas.get("s")!).live.get("c")?.reservedUpTo).toBe(9_000_000 + SEQUENCE_MARGIN);
  });

  it("holds nothing for the older owner of what it has adopted, and all for a newer one", () => {
    const { replicas } = store();
    const state = replicas.get("s")!.ikeSas.get("i")!;
    replicas.take("s", 2);
    const update = { kind: "ike-sa", seat: "s", ikeSa: "i", state } as const;
    const sequence = { kind: "sequence", seat: "s", childSa: "c", reservedUpTo: 5 } as const;
    expect(replicas.apply({ ...update, epoch: 1 })).toBe(false);
    expect(replicas.apply({ ...sequence, epoch: 1 })).toBe(false);
    replicas.apply({ kind: "snapshot", seat: "s", epoch: 1, ikeSas: [state], reserved: [], bgp: undefined });
    expect(replicas.get("s")?.ikeSas.size).toBe(0);
    expect(replicas.apply({ ...sequence, childSa: "fresh", epoch: 1 })).toBe(true);
    expect(replicas.apply({ ...update, epoch: 3 })).toBe(true);
    expect(replicas.apply({ ...sequence, epoch: 3 })).toBe(true);
    expect(replicas.apply({ ...sequence, childSa: "fresh", epoch: 1 })).toBe(false);
  });

  it("listens to no older owner, and forgets what was used or given up", () => {
    const { replicas } = store();
    const newer = { ikeSa: "j", ivReservedUpTo: 1, children: [] } as unknown as ExportedIkeSa;
    replicas.apply({ kind: "snapshot", seat: "s", epoch: 3, ikeSas: [newer], reserved: [], bgp: undefined });
    replicas.apply({ kind: "ike-sa", seat: "s", epoch: 1, ikeSa: "j", state: null });
    replicas.apply({ kind: "gone", seat: "s", epoch: 2 });
    expect([...replicas.get("s")!.ikeSas.keys()]).toEqual(["j"]);
    expect(replicas.take("s", 4)?.epoch).toBe(3);
    expect(replicas.take("s", 4)).toBeUndefined();
  });
});
