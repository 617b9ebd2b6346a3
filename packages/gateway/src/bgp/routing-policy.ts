/**
 * Import and export policy of a seat's eBGP sessions, as data for the speaker.
 * For an instance: the cloud's rules (azure-vpn-gateway §3, §3.1). For a device: it is no transit between its peers.
 */
import type { Policy } from "@tandem/bgp";
import { parsePrefix } from "@tandem/wire";

const DEFAULT_ROUTES = ["0.0.0.0/0", "::/0"];

/** azure-vpn-gateway §3.1, "Accepting": nothing equal to or inside one of our own prefixes. */
export function importPolicy(localPrefixes: readonly string[]): Policy {
  const ranges = localPrefixes.flatMap((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) return [];
    return [{ prefix: text, minLength: prefix.length, maxLength: prefix.bytes.length * 8 }];
  });
  if (ranges.length === 0) return { statements: [] };
  return {
    statements: [
      {
        name: "equal to or inside an own prefix (azure-vpn-gateway §3.1)",
        match: { prefixes: ranges },
        action: "reject",
      },
    ],
  };
}

/** azure-vpn-gateway §3.1, "What is advertised". */
export function exportPolicy(
  kind: "instance" | "device",
  localPrefixes: readonly string[],
  prepend: number,
  draining: boolean,
): Policy {
  if (draining) {
    return { statements: [{ name: "drained: the seat's routes are withdrawn", action: "reject" }] };
  }
  const prepended = prepend > 0 ? [{ name: "prepend", set: { prepend }, action: "continue" as const }] : [];
  if (kind === "device") {
    return {
      statements: [...prepended, { name: "own prefixes", match: { sources: ["network"] }, action: "accept" }],
      otherwise: "reject",
    };
  }
  return {
    statements: [
      ...prepended,
      { name: "own and LNG prefixes", match: { sources: ["network"] }, action: "accept" },
      {
        name: "a default route is never advertised again (azure-vpn-gateway §3.1)",
        match: { prefixes: DEFAULT_ROUTES.map((prefix) => ({ prefix })) },
        action: "reject",
      },
      ...(localPrefixes.length === 0
        ? []
        : [
            {
              name: "overlaps the VNet (azure-vpn-gateway §3.1)",
              match: { overlaps: localPrefixes },
              action: "reject" as const,
            },
          ]),
    ],
  };
}
