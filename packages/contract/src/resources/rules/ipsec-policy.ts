/** The custom IpsecPolicy (azure-vpn-gateway §2.3): complete, known words, GCM in pairs, lifetimes not too short. */
import { IpsecPolicy } from "../../instance-config.ts";
import type { Report } from "./report.ts";

const WORDS = [
  "ikeEncryption",
  "ikeIntegrity",
  "dhGroup",
  "ipsecEncryption",
  "ipsecIntegrity",
  "pfsGroup",
] as const;

export function checkIpsecPolicy(
  policy: Record<string, unknown>,
  at: (string | number)[],
  report: Report,
): void {
  for (const field of WORDS) {
    const options: readonly string[] = IpsecPolicy.shape[field].options;
    const value = policy[field];
    if (value === undefined) {
      report.add(
        at,
        "IncompleteIpsecPolicy",
        `the policy has no ${field}; partial policies are not allowed`,
        options.join(", "),
      );
    } else if (!options.includes(value as string)) {
      report.add([...at, field], "InvalidIpsecPolicy", `no such ${field}`, options.join(", "), value);
    }
  }
  minimum(policy, "saLifeTimeSeconds", 300, "seconds; 27000 by default", at, report);
  minimum(policy, "saDataSizeKilobytes", 1024, "kilobytes; 102400000 by default", at, report);
  for (const field of Object.keys(policy)) {
    if (!(field in IpsecPolicy.shape)) {
      report.add(
        [...at, field],
        "InvalidIpsecPolicy",
        `a policy has no field "${field}"`,
        Object.keys(IpsecPolicy.shape).join(", "),
      );
    }
  }
  combinedPair(policy, at, report);
}

/** ESP: the same GCM word in both fields. IKE: GCM encryption takes its PRF from a hash, or the same GCM word. */
function combinedPair(policy: Record<string, unknown>, at: (string | number)[], report: Report): void {
  const { ipsecEncryption, ipsecIntegrity, ikeEncryption, ikeIntegrity, dhGroup } = policy;
  const gcm = (v: unknown): boolean => typeof v === "string" && v.startsWith("GCMAES");
  if ((gcm(ipsecEncryption) || gcm(ipsecIntegrity)) && ipsecEncryption !== ipsecIntegrity) {
    report.add(
      [...at, "ipsecIntegrity"],
      "InvalidIpsecPolicy",
      "GCMAES needs the same value in ipsecEncryption and ipsecIntegrity",
      String(gcm(ipsecEncryption) ? ipsecEncryption : ipsecIntegrity),
      ipsecIntegrity,
    );
  }
  if (gcm(ikeIntegrity) && ikeIntegrity !== ikeEncryption) {
    report.add(
      [...at, "ikeIntegrity"],
      "InvalidIpsecPolicy",
      "GCMAES in ikeIntegrity needs the same value in ikeEncryption",
      "SHA256, SHA384, or the same GCMAES word in both",
      ikeIntegrity,
    );
  }
  if (dhGroup === "None") {
    report.add(
      [...at, "dhGroup"],
      "InvalidIpsecPolicy",
      "IKEv2 has no SA without a Diffie-Hellman group (RFC 7296 §1.2)",
      "any group",
      dhGroup,
    );
  }
}

function minimum(
  policy: Record<string, unknown>,
  field: "saLifeTimeSeconds" | "saDataSizeKilobytes",
  least: number,
  unit: string,
  at: (string | number)[],
  report: Report,
): void {
  const value = policy[field];
  if (value === undefined) {
    report.add(
      at,
      "IncompleteIpsecPolicy",
      `the policy has no ${field}; partial policies are not allowed`,
      `at least ${least} ${unit}`,
    );
  } else if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > 0x7fff_ffff) {
    report.add(
      [...at, field],
      "InvalidIpsecPolicy",
      `${field} is out of range`,
      `at least ${least} ${unit}`,
      value,
    );
  }
}
