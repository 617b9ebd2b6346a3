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
