/**
 * Import and export policy of a seat's sessions. For an instance: the cloud's rules (bgp/src/cloud-rules.ts names the
 * source of each). For a device: its own prefixes only, since it is no transit between its peers.
 */
import { cloudExportPolicy, cloudImportPolicy, type Policy, type PolicyStatement } from "@tandem/bgp";

/** Nothing equal to or inside one of our own prefixes is believed, by either kind. */
export const importPolicy = (localPrefixes: readonly string[]): Policy => cloudImportPolicy(localPrefixes);

export function exportPolicy(
  kind: "instance" | "device",
  localPrefixes: readonly string[],
  prepend: number,
  draining: boolean,
): Policy {
  if (draining) {
    return { statements: [{ name: "drained: the seat's routes are withdrawn", action: "reject" }] };
  }
  const prepended: PolicyStatement[] =
    prepend > 0 ? [{ name: "prepend", set: { prepend }, action: "continue" }] : [];
  if (kind === "instance") {
    return { statements: [...prepended, ...cloudExportPolicy(localPrefixes).statements] };
  }
  return {
    statements: [...prepended, { name: "own prefixes", match: { sources: ["network"] }, action: "accept" }],
    otherwise: "reject",
  };
}
