import type { Finding } from "../finding.ts";

/** Collects what the rules find. */
export class Report {
  readonly findings: Finding[] = [];

  add(path: Finding["path"], code: string, message: string, accepted: string, value?: unknown): void {
    this.findings.push({ path, code, message, accepted, ...(value === undefined ? {} : { value }) });
  }
}
