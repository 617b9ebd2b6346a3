/** What the health check of a gateway for real devices asks; `container-health FILE` reads it. */
import { writeFileSync } from "node:fs";
import type { LabPlan } from "@tandem/contract";
import type { HealthNote } from "./health-main.ts";

/** Throws a TypeError on a plan without a supervisor. */
export function writeHealthNote(file: string, plan: LabPlan): void {
  const supervisor = plan.nodes.find((node) => node.kind === "supervisor");
  if (supervisor === undefined) throw new TypeError("the plan has no supervisor");
  const note: HealthNote = { ask: "seats", socket: supervisor.config.api.socket };
  writeFileSync(file, JSON.stringify(note), { mode: 0o600 });
}
