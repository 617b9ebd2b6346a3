/** A connection of the configuration as the IKE engine wants it. Everything here has been validated before. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ConnectionConfig, SeatConfig } from "@tandem/contract";
import { secretBytes } from "@tandem/crypto";
import type {
  Authentication,
  ChildPolicy,
  EspProposal,
  IkeConnection,
  IkeProposal,
  TrafficSelector,
} from "@tandem/ike";
import { formatAddress, parsePrefix } from "@tandem/wire";
import { type EspChoice, type IkeChoice, policyChoices } from "./ipsec-policy.ts";

/** The schema's default: a policy's own lifetime counts only where the connection does not say another. */
const DEFAULT_CHILD_SECONDS = 27_000;

const ANY_TO_ANY: readonly TrafficSelector[] = [selectorOf("0.0.0.0/0"), selectorOf("::/0")];

export function ikeConnection(
  connection: ConnectionConfig,
  seat: SeatConfig,
  kind: "instance" | "device",
): IkeConnection {
  const choices = policyChoices(connection.ipsecPolicy);
  return {
    tunnel: connection.tunnel,
    connection: connection.name,
    local: seat.publicIps,
    remote: connection.remote.address,
    mode: connection.mode,
    localId: connection.localId,
    remoteId: connection.remote.id,
    authentication: ikeAuthentication(connection.authentication),
    ike: { offer: choices.ike.map(ikeProposal), accept: choices.ike.map(ikeProposal) },
    esp: {
      offer: choices.espOffers.map((choice) => espProposal(choice, [false])),
      accept: choices.espAccepts.map((choice) => espProposal(choice, [false, true])),
    },
    ikeLifetime: connection.ikeLifetimeSeconds * 1000,
    childLifetime: childSeconds(connection) * 1000,
    dpdTimeout: connection.dpdTimeoutSeconds * 1000,
    children: childPolicies(connection),
    // azure-vpn-gateway §2.5: the gateway accepts any selectors that a remote proposes. A device keeps to its own.
    responderSelectors: kind === "instance" ? "any" : "policy",
    forceEncapsulation: connection.forceEncapsulation,
    ...(connection.addressPool === undefined ? {} : { addressPool: connection.addressPool }),
    ...(connection.requestAddress ? { requestAddress: true } : {}),
  };
}

function ikeAuthentication(authentication: ConnectionConfig["authentication"]): Authentication {
  if (authentication.method === "psk") {
    return { method: "psk", secret: new TextEncoder().encode(authentication.secret) };
  }
  const der = (pem: string): Uint8Array => new Uint8Array(new X509Certificate(pem).raw);
  const key = createPrivateKey(authentication.privateKey).export({ type: "pkcs8", format: "der" });
  return {
    method: "certificate",
    chain: authentication.chain.map(der),
    privateKey: secretBytes(new Uint8Array(key)),
    trustAnchors: authentication.roots.map(der),
    crls: authentication.crls.map(derOfPem),
  };
}

/** The DER inside any PEM armour. */
function derOfPem(pem: string): Uint8Array {
  const body = /-----BEGIN [^-]+-----([^-]*)-----END/.exec(pem)?.[1] ?? "";
  return new Uint8Array(Buffer.from(body, "base64"));
}

/** Seconds and bytes that a Child SA may live. */
export function childSeconds(connection: ConnectionConfig): number {
  if (connection.childLifetimeSeconds !== DEFAULT_CHILD_SECONDS) return connection.childLifetimeSeconds;
  return policyChoices(connection.ipsecPolicy).childSeconds;
}

export const childBytes = (connection: ConnectionConfig): number =>
  policyChoices(connection.ipsecPolicy).childBytes;

/** A prefix as the range of all its addresses (RFC 7296 §3.13.1). */
export function selectorOf(text: string): TrafficSelector {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new RangeError(`no prefix: ${text}`);
  const last = prefix.bytes.slice();
  for (let i = 0; i < last.length; i++) {
    const hostBits = Math.min(8, Math.max(0, (i + 1) * 8 - prefix.length));
    last[i] = last[i]! | ((1 << hostBits) - 1);
  }
  return {
    protocol: 0,
    startPort: 0,
    endPort: 65_535,
    startAddress: formatAddress(prefix.bytes),
    endAddress: formatAddress(last),
  };
}

function childPolicies(connection: ConnectionConfig): ChildPolicy[] {
  if (connection.trafficSelectors.length === 0) {
    return [{ name: connection.name, local: ANY_TO_ANY, remote: ANY_TO_ANY }];
  }
  return connection.trafficSelectors.map((pair, i) => ({
    name: i === 0 ? connection.name : `${connection.name}-${i + 1}`,
    local: pair.local.map(selectorOf),
    remote: pair.remote.map(selectorOf),
  }));
}

const ikeProposal = (choice: IkeChoice): IkeProposal => ({
  encryption: [{ name: choice.encryption, keyBits: choice.keyBits }],
  integrity: choice.integrity === "none" ? [] : [choice.integrity],
  prf: [choice.prf],
  groups: [choice.group],
});

const espProposal = (choice: EspChoice, esn: readonly boolean[]): EspProposal => ({
  encryption: [{ name: choice.encryption, keyBits: choice.keyBits }],
  integrity: choice.integrity === "none" ? [] : [choice.integrity],
  groups: choice.pfs === undefined ? [] : [choice.pfs],
  esn,
});
