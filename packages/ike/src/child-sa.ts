/**
 * One Child SA as IKE sees it: SPIs, suite, selectors, keys, deadlines.
 *
 *   installed ──our rekey──▶ rekeying ──done──▶ replaced ──DELETE exchanged──▶ (gone, after a grace for packets under way)
 *       │  └────peer's rekey────────────────▶ replaced ──peer's DELETE──▶ (gone)
 *       └──we delete──▶ deleting ──▶ (gone)
 */
import type { GroupName } from "@tandem/crypto";
import type { Instant } from "@tandem/sansio";
import type { ChildSaInstall } from "./events.ts";
import type { Nonces } from "./keymat.ts";
import { encryptionLabel } from "./proposal.ts";
import { selectorText } from "./traffic-selector.ts";
import type { IkeChildStatus } from "./tunnel-status.ts";

export type ChildSaState = "installed" | "rekeying" | "replaced" | "deleting";

export interface ChildSa {
  install: ChildSaInstall;
  readonly policy: string;
  /** We sent the request that made it. */
  readonly initiator: boolean;
  readonly group: GroupName | "none";
  readonly installedAt: Instant;
  rekeyAt: Instant;
  readonly expiresAt: Instant;
  state: ChildSaState;
  outboundReady: boolean;
  /** The id of the Child SA that took, or takes, this one's place. */
  successor: string | undefined;
  /** The peer rekeyed this one while our own rekey was under way: its exchange's nonces, to settle who yields. */
  peerRekey: { readonly childSa: string; readonly nonces: Nonces } | undefined;
}

export const spiText = (spi: number): string => spi.toString(16).padStart(8, "0");

export function childStatus(child: ChildSa, now: Instant): IkeChildStatus {
  const { install } = child;
  const in_ = (at: Instant): number => Math.max(0, Math.round((at - now) / 1000));
  return {
    childSa: install.childSa,
    policy: child.policy,
    spiIn: spiText(install.spiIn),
    spiOut: spiText(install.spiOut),
    esp: encryptionLabel(install.suite),
    localTs: install.localSelectors.map(selectorText),
    remoteTs: install.remoteSelectors.map(selectorText),
    encapsulated: install.endpoints.udp !== undefined,
    installedSeconds: Math.round((now - child.installedAt) / 1000),
    rekeySeconds: in_(child.rekeyAt),
    lifeSeconds: in_(child.expiresAt),
  };
}
