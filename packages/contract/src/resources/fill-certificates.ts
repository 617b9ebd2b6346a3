import type { LabPlan } from "./plan.ts";

/** What the executor's authority made for one `PlanCertificate`. */
export interface MadeCertificate {
  /** PEM, leaf first. */
  readonly chain: readonly string[];
  /** PEM. */
  readonly privateKey: string;
}

/**
 * The same plan with every `pem:…` place holder replaced. `roots` maps an authority's name to its certificate (PEM).
 * Throws when a certificate is missing: the executor makes all of `plan.certificates` first.
 */
export function fillCertificates(
  plan: LabPlan,
  made: ReadonlyMap<string, MadeCertificate>,
  roots: ReadonlyMap<string, string>,
): LabPlan {
  const need = <T>(value: T | undefined, text: string): T => {
    if (value === undefined) throw new Error(`no certificate for ${text}`);
    return value;
  };
  const fill = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      return value.flatMap((item) => {
        const chain = typeof item === "string" ? /^pem:chain:(.*)$/.exec(item) : null;
        return chain === null ? [fill(item)] : [...need(made.get(chain[1]!), item).chain];
      });
    }
    if (typeof value === "string") {
      const place = /^pem:(key|root):(.*)$/.exec(value);
      if (place === null) return value;
      return place[1] === "key"
        ? need(made.get(place[2]!), value).privateKey
        : need(roots.get(place[2]!), value);
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fill(v)]));
  };
  return fill(plan) as LabPlan;
}
