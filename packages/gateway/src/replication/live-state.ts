/** The live half of Child SAs, as the data plane tells it: replay windows, counters, and which of them have changed. */
import type { ChildSaLiveState } from "@tandem/esp";
import type { DataPlanePort } from "../dataplane-port.ts";

export interface LiveStates {
  exportChildSa(childSa: string): Promise<ChildSaLiveState | undefined>;
  /** Child SAs of a seat that carried packets since the last call. */
  touchedChildSas(seat: string): Promise<readonly string[]>;
}

export function liveStates(dataPlane: DataPlanePort): LiveStates {
  return {
    // One that went meanwhile is refused.
    exportChildSa: (childSa) =>
      dataPlane.command({ kind: "export-child-sa", childSa }).then(
        (state) => state as ChildSaLiveState,
        () => undefined,
      ),
    touchedChildSas: (seat) =>
      dataPlane.command({ kind: "take-active", seat, direction: "any" }).then(
        (ids) => ids as readonly string[],
        () => [],
      ),
  };
}
