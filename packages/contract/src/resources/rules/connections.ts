/** One connection's own settings, and the agreement of the two resources of a VNet-to-VNet pair (§2.3 to §2.6, §9.15). */
import type { LabFile } from "../lab-file.ts";
import { counterpart, find, referencedName } from "../resolve.ts";
import { checkIpsecPolicy } from "./ipsec-policy.ts";
import type { Report } from "./report.ts";

const MODES = ["Default", "InitiatorOnly", "ResponderOnly"];

export function checkConnections(file: LabFile, report: Report): void {
  const seen = new Map<string, string>();
  file.connections.forEach((connection, i) => {
    const p = connection.properties;
    const at = ["connections", i, "properties"];
    if (p.connectionType === "Vnet2Vnet") checkPair(file, connection, at, report);
    if (!MODES.includes(p.connectionMode)) {
      report.add(
        [...at, "connectionMode"],
        "InvalidConnectionMode",
        "no such connection mode",
        MODES.join(", "),
        p.connectionMode,
      );
    }
    if (p.dpdTimeoutSeconds !== undefined && !inRange(p.dpdTimeoutSeconds, 9, 3600)) {
      report.add(
        [...at, "dpdTimeoutSeconds"],
        "InvalidDpdTimeout",
        "the DPD timeout is out of range",
        "9 to 3600 seconds; 45 by default",
        p.dpdTimeoutSeconds,
      );
    }
    checkSharedKey(p.sharedKey, [...at, "sharedKey"], report);
    if (p.ipsecPolicies.length > 1) {
      report.add(
        [...at, "ipsecPolicies"],
        "TooManyIpsecPolicies",
        "a connection has at most one policy",
        "one",
        p.ipsecPolicies.length,
      );
    }
    const gateway = find(file.virtualNetworkGateways, p.virtualNetworkGateway1);
    p.ipsecPolicies.forEach((policy, k) => {
      checkIpsecPolicy(policy, [...at, "ipsecPolicies", k], report);
      if (gateway?.properties.sku.name === "Basic") {
        report.add(
          [...at, "ipsecPolicies", k],
          "IpsecPolicyNotSupported",
          "SKU Basic has no custom policies",
          "no policy, or another SKU",
        );
      }
    });
    if (p.trafficSelectorPolicies.length > 0 && !p.usePolicyBasedTrafficSelectors) {
      report.add(
        [...at, "trafficSelectorPolicies"],
        "TrafficSelectorsNotUsed",
        "trafficSelectorPolicies are used only with usePolicyBasedTrafficSelectors",
        "usePolicyBasedTrafficSelectors: true",
      );
    }
    if (
      p.usePolicyBasedTrafficSelectors &&
      p.ipsecPolicies.length === 0 &&
      p.trafficSelectorPolicies.length === 0
    ) {
      report.add(
        [...at, "usePolicyBasedTrafficSelectors"],
        "IpsecPolicyRequired",
        "policy-based selectors need a complete IPsec policy",
        "one entry in ipsecPolicies",
        true,
      );
    }
    if (p.usePolicyBasedTrafficSelectors && p.enableBgp) {
      report.add(
        [...at, "enableBgp"],
        "BgpNotAllowed",
        "a connection with policy-based selectors has no BGP: its peer address is in no selector",
        "false",
        true,
      );
    }
    const target = p.localNetworkGateway2 ?? p.virtualNetworkGateway2;
    if (target !== undefined) {
      const key = `${referencedName(p.virtualNetworkGateway1)} to ${referencedName(target)}`;
      const other = seen.get(key);
      if (other !== undefined) {
        report.add(
          at,
          "ConnectionExists",
          `connection "${other}" leads from ${key} already`,
          "one connection per pair",
          connection.name,
        );
      }
      seen.set(key, connection.name);
    }
  });
}

function checkSharedKey(key: string | undefined, path: (string | number)[], report: Report): void {
  if (key === undefined) return;
  if (key.length < 1 || key.length > 128) {
    report.add(
      path,
      "InvalidSharedKey",
      `the shared key has ${key.length} characters`,
      "1 to 128 characters",
    );
  } else if (!/^[\x21-\x7e]+$/.test(key) || /[-~ ]/.test(key)) {
    report.add(
      path,
      "InvalidSharedKey",
      "the shared key has characters that are not allowed",
      "printable ASCII without space, hyphen (-) and tilde (~)",
    );
  }
}

function checkPair(
  file: LabFile,
  connection: LabFile["connections"][number],
  at: (string | number)[],
  report: Report,
): void {
  const p = connection.properties;
  if (p.virtualNetworkGateway2 === undefined) return;
  if (referencedName(p.virtualNetworkGateway1) === referencedName(p.virtualNetworkGateway2)) {
    report.add(
      [...at, "virtualNetworkGateway2"],
      "InvalidConnection",
      "a gateway cannot be connected to itself",
      "another gateway",
      referencedName(p.virtualNetworkGateway2),
    );
    return;
  }
  const other = counterpart(file, connection);
  if (other === undefined) {
    if (find(file.virtualNetworkGateways, p.virtualNetworkGateway2) === undefined) return;
    report.add(
      at,
      "CounterpartMissing",
      `"${connection.name}" has no connection in the other direction`,
      `a Vnet2Vnet connection from "${referencedName(p.virtualNetworkGateway2)}" to "${referencedName(p.virtualNetworkGateway1)}"`,
      connection.name,
    );
    return;
  }
  // Each disagreement is said once, at the later of the two.
  if (file.connections.indexOf(other) > file.connections.indexOf(connection)) return;
  const q = other.properties;
  if (p.sharedKey !== q.sharedKey && p.sharedKey !== undefined && q.sharedKey !== undefined) {
    report.add(
      [...at, "sharedKey"],
      "SharedKeyMismatch",
      `"${connection.name}" and "${other.name}" have different shared keys`,
      "the same key on both",
    );
  }
  if (p.enableBgp !== q.enableBgp) {
    report.add(
      [...at, "enableBgp"],
      "EnableBgpMismatch",
      `"${connection.name}" and "${other.name}" disagree about BGP`,
      String(q.enableBgp),
      p.enableBgp,
    );
  }
  if (canonical(p.ipsecPolicies[0]) !== canonical(q.ipsecPolicies[0])) {
    report.add(
      [...at, "ipsecPolicies"],
      "IpsecPolicyMismatch",
      `"${connection.name}" and "${other.name}" have different policies`,
      "the same policy on both",
    );
  }
  const modes = [p.connectionMode, q.connectionMode];
  if (p.connectionMode === q.connectionMode && p.connectionMode !== "Default") {
    report.add(
      [...at, "connectionMode"],
      "ConnectionModeMismatch",
      `"${connection.name}" and "${other.name}" are both ${modes[0]}`,
      "Default, or one initiator and one responder",
      p.connectionMode,
    );
  }
}

/** Lifetimes are local and need not agree (§2.3). */
function canonical(policy: Record<string, unknown> | undefined): string {
  if (policy === undefined) return "";
  return Object.keys(policy)
    .filter((k) => k !== "saLifeTimeSeconds" && k !== "saDataSizeKilobytes")
    .sort()
    .map((k) => `${k}=${String(policy[k])}`)
    .join();
}

const inRange = (n: number, low: number, high: number): boolean =>
  Number.isInteger(n) && n >= low && n <= high;
