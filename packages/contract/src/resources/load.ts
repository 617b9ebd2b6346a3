/**
 * The three steps from a parsed JSON value to a plan. Nothing is changed anywhere before all of them succeed.
 *
 *      parseLabFile(value)            shape: zod
 *      checkRules(file)               the cloud's rules, and ours
 *      compileLab(file, options)      never fails on a file without findings
 */

import { type CompileOptions, compileLab } from "./compile/compile-lab.ts";
import type { Finding } from "./finding.ts";
import { LabFile } from "./lab-file.ts";
import type { LabPlan } from "./plan.ts";
import { checkRules } from "./rules/check-rules.ts";
import { findingsFromZod } from "./zod-findings.ts";

export type { CompileOptions } from "./compile/compile-lab.ts";
export { compileLab } from "./compile/compile-lab.ts";
export { checkRules } from "./rules/check-rules.ts";

export type LoadResult =
  | { readonly ok: true; readonly file: LabFile; readonly plan: LabPlan }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** `value` is the parsed JSON of a lab file. */
export function loadLab(value: unknown, options: CompileOptions): LoadResult {
  const parsed = parseLabFile(value);
  if (!parsed.ok) return parsed;
  const findings = checkRules(parsed.file);
  if (findings.length > 0) return { ok: false, findings };
  return { ok: true, file: parsed.file, plan: compileLab(parsed.file, options) };
}

export function parseLabFile(
  value: unknown,
):
  | { readonly ok: true; readonly file: LabFile }
  | { readonly ok: false; readonly findings: readonly Finding[] } {
  const parsed = LabFile.safeParse(value);
  return parsed.success
    ? { ok: true, file: parsed.data }
    : { ok: false, findings: findingsFromZod(parsed.error, value) };
}
