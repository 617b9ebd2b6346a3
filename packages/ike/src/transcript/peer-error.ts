/** What the peer's error notifications mean: whose check failed, why, and what to do. One table. */
import { NotifyType, notifyTypeName } from "../iana.ts";

interface Explanation {
  readonly says: string;
  readonly cause: string;
  readonly cure: string;
}

const TABLE: Readonly<Record<number, Explanation>> = {
  [NotifyType.NO_PROPOSAL_CHOSEN]: {
    says: "no proposal in common",
    cause: "none of this side's offers is configured on the peer",
    cure: "give both sides one proposal in common (encryption, integrity, key exchange group, PFS group)",
  },
  [NotifyType.INVALID_KE_PAYLOAD]: {
    says: "wrong key exchange group",
    cause: "the peer wants a group that was not offered",
    cure: "configure the same group on both sides",
  },
  [NotifyType.AUTHENTICATION_FAILED]: {
    says: "the peer does not believe this side",
    cause:
      "the pre-shared keys differ, or the peer does not expect this identity, or it does not trust this certificate",
    cure: "compare key and identities on both sides; the peer's own log says which",
  },
  [NotifyType.TS_UNACCEPTABLE]: {
    says: "traffic selectors unacceptable",
    cause: "the peer's policy has nothing in common with the selectors proposed",
    cure: "make the prefixes of both configurations mirror images of each other",
  },
  [NotifyType.SINGLE_PAIR_REQUIRED]: {
    says: "the peer takes only one pair of addresses per Child SA",
    cause: "its policy is per pair of hosts",
    cure: "propose narrower selectors",
  },
  [NotifyType.NO_ADDITIONAL_SAS]: {
    says: "no more Child SAs",
    cause: "the peer allows no further Child SA in this IKE SA",
    cure: "use fewer, wider selectors",
  },
  [NotifyType.INTERNAL_ADDRESS_FAILURE]: {
    says: "no virtual address to be had",
    cause: "the peer's address pool is empty",
    cure: "enlarge the peer's pool",
  },
  [NotifyType.FAILED_CP_REQUIRED]: {
    says: "a virtual address must be asked for",
    cause: "the peer serves only clients with virtual addresses",
    cure: "turn on requestAddress",
  },
  [NotifyType.INVALID_SYNTAX]: {
    says: "the peer found a message malformed",
    cause: "a defect on one of the sides",
    cure: "capture the exchange and compare it with RFC 7296 section 3",
  },
  [NotifyType.INVALID_MAJOR_VERSION]: {
    says: "the peer does not speak IKEv2",
    cause: "the peer is configured for IKEv1",
    cure: "set the peer to IKEv2",
  },
  [NotifyType.TEMPORARY_FAILURE]: {
    says: "not now",
    cause: "the peer is in the middle of a rekey",
    cure: "none needed: it is tried again",
  },
  [NotifyType.CHILD_SA_NOT_FOUND]: {
    says: "that Child SA is gone on the peer's side",
    cause: "the peer deleted it, or its own rekey was faster",
    cure: "none needed: a new one is made",
  },
};

/** The first line says what and on which side, then cause and cure, then what we had offered. */
export function explainPeerError(type: number, exchange: string, offered: readonly string[] = []): string[] {
  const known = TABLE[type];
  const name = notifyTypeName(type);
  const shown = offered.map((line) => `offered from here ${line}`);
  if (known === undefined) return [`${exchange} refused by the peer: ${name}`, ...shown];
  return [
    `${exchange} refused by the peer: ${known.says} (${name})`,
    `cause: ${known.cause}`,
    `cure: ${known.cure}`,
    ...shown,
  ];
}
