/** Reports outlive their lab: they lie beside the labs' state, not in it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stateRoot } from "../state-folder.ts";
import type { IncidentReport } from "./incident.ts";
import { timelinePage } from "./timeline-page.ts";

export interface WrittenReport {
  readonly html: string;
  readonly json: string;
}

export function writeReport(
  report: IncidentReport,
  folder: string = join(stateRoot(), "reports"),
): WrittenReport {
  mkdirSync(folder, { recursive: true });
  const stamp = new Date(report.at).toISOString().replaceAll(/[:.]/g, "-");
  const name = `${report.lab}-${stamp}-${report.what.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  const html = join(folder, `${name}.html`);
  const json = join(folder, `${name}.json`);
  writeFileSync(html, timelinePage(report));
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  return { html, json };
}
