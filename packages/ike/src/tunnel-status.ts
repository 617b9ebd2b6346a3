/** What status shows of a tunnel, made from the live objects. */
import type { Instant } from "@tandem/sansio";
import { childStatus } from "./child-sa.ts";
import type { IkeSa, IkeSaState } from "./ike-sa.ts";
import { ikeSuiteLabel } from "./proposal.ts";
import type { Tunnel } from "./tunnel.ts";

export interface IkeChildStatus {
  readonly childSa: string;
  readonly policy: string;
  /** 8 hexadecimal digits. */
  readonly spiIn: string;
  readonly spiOut: string;
  /** For example "AES_GCM_16-128" or "AES_CBC-256/HMAC_SHA2_256_128". */
  readonly esp: string;
  readonly localTs: readonly string[];
  readonly remoteTs: readonly string[];
  readonly encapsulated: boolean;
  readonly installedSeconds: number;
  readonly rekeySeconds: number;
  readonly lifeSeconds: number;
}

/** A snapshot of one tunnel for `status` and `sas`: everything the contract's TunnelStatus needs that IKE knows. No secrets. */
export interface IkeTunnelStatus {
  readonly tunnel: string;
  readonly connection: string;
  readonly template?: string;
  readonly state: "CREATED" | "CONNECTING" | "ESTABLISHED" | "REKEYING" | "DELETING" | "DOWN";
  /** Why it is not up, in words, when it is not. */
  readonly reason?: string;
  readonly ikeSa?: string;
  readonly initiator?: boolean;
  readonly initiatorSpi?: string;
  readonly responderSpi?: string;
  readonly local?: string;
  readonly localPort?: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly localId?: string;
  readonly remoteId?: string;
  /** strongSwan's notation: "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256". */
  readonly ikeSuite?: string;
  readonly establishedSeconds?: number;
  readonly rekeySeconds?: number;
  readonly virtualAddresses?: { readonly local: readonly string[]; readonly remote: readonly string[] };
  readonly children: readonly IkeChildStatus[];
}

const STATES: Readonly<Record<IkeSaState, IkeTunnelStatus["state"]>> = {
  initiating: "CONNECTING",
  "half-open": "CONNECTING",
  established: "ESTABLISHED",
  replaced: "REKEYING",
  deleting: "DELETING",
  closed: "DOWN",
};

/** An attempt that is being repeated says so before it is given up. */
function silenceSoFar(sa: IkeSa | undefined): string | undefined {
  if (sa?.state !== "initiating" || sa.window.attempts < 2) return undefined;
  return `no answer yet from ${sa.path.remote} port ${sa.path.remotePort}, ${sa.window.attempts} tries so far`;
}

export function tunnelStatus(tunnel: Tunnel, now: Instant): IkeTunnelStatus {
  const { connection } = tunnel;
  const sa = tunnel.current;
  const base = {
    tunnel: tunnel.name,
    connection: connection.connection,
    ...(tunnel.template === undefined ? {} : { template: tunnel.template }),
  };
  const reason = sa?.childFailure ?? tunnel.reason ?? silenceSoFar(sa);
  const why = reason === undefined || (sa?.isUp === true && sa.children.size > 0) ? {} : { reason };
  if (sa === undefined || sa.state === "closed")
    return { ...base, ...why, state: tunnel.dials ? "CREATED" : "DOWN", children: [] };
  const rekeying = sa.isUp && sa.task?.kind === "rekey-ike";
  const children = [...tunnel.sas].flatMap((each) =>
    [...each.children].filter((c) => c.state === "installed" || c.state === "rekeying"),
  );
  return {
    ...base,
    ...why,
    ...sa.path,
    state: rekeying ? "REKEYING" : STATES[sa.state],
    ikeSa: sa.id,
    initiator: sa.initiator,
    initiatorSpi: sa.initiatorSpi,
    responderSpi: sa.responderSpi,
    localId: sa.localIdentity === "" ? connection.localId : sa.localIdentity,
    remoteId: sa.remoteIdentity === "" ? connection.remoteId : sa.remoteIdentity,
    ...(sa.channel === undefined ? {} : { ikeSuite: ikeSuiteLabel(sa.channel.suite) }),
    ...(sa.establishedAt === undefined
      ? {}
      : { establishedSeconds: Math.max(0, Math.round((now - sa.establishedAt) / 1000)) }),
    ...(sa.deadlines === undefined || !Number.isFinite(sa.deadlines.rekeyAt)
      ? {}
      : { rekeySeconds: Math.max(0, Math.round((sa.deadlines.rekeyAt - now) / 1000)) }),
    ...(sa.virtualAddresses === undefined ? {} : { virtualAddresses: sa.virtualAddresses }),
    children: children.map((c) => childStatus(c, now)),
  };
}
