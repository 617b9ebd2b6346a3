import type { Finding } from "../finding.ts";
import type { LabFile } from "../lab-file.ts";
import { checkBgp } from "./bgp.ts";
import { checkConnections } from "./connections.ts";
import { checkGateways } from "./gateways.ts";
import { checkNames } from "./names.ts";
import { checkPrefixes } from "./prefixes.ts";
import { Report } from "./report.ts";
import { checkUnsupported } from "./unsupported.ts";

/** Every rule of the resources; an empty answer means that the file can be compiled. */
export function checkRules(file: LabFile): Finding[] {
  const report = new Report();
  checkUnsupported(file, report);
  checkNames(file, report);
  checkPrefixes(file, report);
  checkGateways(file, report);
  checkConnections(file, report);
  checkBgp(file, report);
  return report.findings;
}
