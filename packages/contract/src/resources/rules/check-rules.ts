import type { Finding } from "../finding.ts";
import type { LabFile } from "../lab-file.ts";

/** Every rule of the resources; an empty answer means that the file can be compiled. */
export function checkRules(_file: LabFile): Finding[] {
  return [];
}
