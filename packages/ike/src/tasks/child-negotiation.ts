/**
 * What IKE_AUTH and CREATE_CHILD_SA have in common: offering, choosing and installing a Child SA
 * (RFC 7296 §1.2, §1.3, §2.9, §2.17).
 */

import type { CryptoJob, GroupName } from "@tandem/crypto";
import { type CryptoResult, keyPairEntropyLength } from "@tandem/crypto";
import type { ChildSa } from "../child-sa.ts";
import { spiText } from "../child-sa.ts";
import type { ChildPolicy, TrafficSelector } from "../config.ts";
import type { ChildSaInstall } from "../events.ts";
import { groupId, NotifyType } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { deriveChildKeys, type Nonces } from "../keymat.ts";
import { deadlines } from "../lifetimes.ts";
import { find, type IkeMessage } from "../message/message.ts";
import { u16 } from "../message/octets.ts";
import type { Payload } from "../message/payload.ts";
import { type NotifyPayload, notify } from "../message/payloads/notify.ts";
import type { WireProposal } from "../message/payloads/sa.ts";
import {
  acceptEspAnswer,
  type Chosen,
  chooseEspProposal,
  type EspSuite,
  encryptionLabel,
  espAnswer,
  espWireProposals,
  explainMismatch,
  proposalLabel,
} from "../proposal.ts";
import {
  ANY_SELECTORS,
  isNarrowed,
  narrowSelectors,
  selectorOfText,
  selectorsText,
} from "../traffic-selector.ts";

export const DEFAULT_POLICY: ChildPolicy = { name: "default", local: ANY_SELECTORS, remote: ANY_SELECTORS };

export interface ChildOffer {
  readonly policy: ChildPolicy;
  readonly spiIn: number;
  readonly proposals: readonly WireProposal[];
  readonly payloads: readonly Payload[];
}

export function keyPairJob(sa: IkeSa, group: GroupName): Extract<CryptoJob, { kind: "generate-key-pair" }> {
  return { kind: "generate-key-pair", group, entropy: sa.host.random.bytes(keyPairEntropyLength(group)) };
}
export type KeyPairResult = Extract<CryptoResult, { kind: "generate-key-pair" }>;

/** SA, TSi, TSr as the initiator of the exchange. `pfs` false in IKE_AUTH. */
export function offerChild(sa: IkeSa, policy: ChildPolicy, pfs: boolean): ChildOffer {
  const spiIn = sa.host.newChildSpi();
  const proposals = espWireProposals(sa.connection!.esp.offer, spiText(spiIn), pfs);
  return {
    policy,
    spiIn,
    proposals,
    payloads: [
      { kind: "SA", proposals },
      { kind: "TSi", selectors: policy.local, unknown: 0 },
      { kind: "TSr", selectors: policy.remote, unknown: 0 },
    ],
  };
}

export interface NegotiatedChild {
  readonly policy: string;
  readonly suite: EspSuite;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly localSelectors: readonly TrafficSelector[];
  readonly remoteSelectors: readonly TrafficSelector[];
}

/** Reads the responder's choice: it must be one of ours, with selectors inside ours (RFC 7296 §2.9). */
export function acceptChildAnswer(
  offer: ChildOffer,
  message: IkeMessage,
): { readonly ok: true; readonly child: NegotiatedChild } | { readonly ok: false; readonly reason: string } {
  const sa = find(message, "SA");
  const tsi = find(message, "TSi");
  const tsr = find(message, "TSr");
  if (sa === undefined || tsi === undefined || tsr === undefined)
    return { ok: false, reason: "the peer's answer has no Child SA in it" };
  const suite = acceptEspAnswer(sa.proposals, offer.proposals);
  if (suite === undefined)
    return {
      ok: false,
      reason: `the peer chose an ESP proposal that was not offered: ${sa.proposals.map(proposalLabel).join(", ")}`,
    };
  if (!isNarrowed(tsi.selectors, offer.policy.local) || !isNarrowed(tsr.selectors, offer.policy.remote))
    return {
      ok: false,
      reason: `the peer's selectors ${selectorsText(tsi.selectors)} === ${selectorsText(tsr.selectors)} go beyond what was proposed`,
    };
  return {
    ok: true,
    child: {
      policy: offer.policy.name,
      suite,
      spiIn: offer.spiIn,
      spiOut: Number.parseInt(sa.proposals[0]!.spi, 16),
      localSelectors: tsi.selectors,
      remoteSelectors: tsr.selectors,
    },
  };
}

export type ChildChoice =
  | {
      readonly ok: true;
      readonly child: NegotiatedChild;
      readonly chosen: Chosen<EspSuite>;
      /** SA, TSi, TSr for the response. */
      readonly payloads: readonly Payload[];
    }
  | { readonly ok: false; readonly error: NotifyPayload; readonly lines: readonly string[] };

/** The responder's side of the negotiation. `virtualAddresses` are the ones just handed to the peer. */
export function chooseChild(
  sa: IkeSa,
  message: IkeMessage,
  pfs: boolean,
  virtualAddresses: readonly string[],
): ChildChoice {
  const connection = sa.connection!;
  const offered = find(message, "SA")!.proposals;
  const ke = find(message, "KE");
  const chosen = chooseEspProposal(connection.esp.accept, offered, pfs, ke?.group);
  if (chosen === undefined) {
    const own = espWireProposals(connection.esp.accept, "", pfs);
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN, [
      "no ESP proposal in common: answering NO_PROPOSAL_CHOSEN",
      ...offered.map((p) => `peer offers ${proposalLabel(p)}`),
      ...own.map((p) => `here accepted ${proposalLabel(p)}`),
      ...explainMismatch(own, offered).map((line) => `closest pair differs in ${line}`),
      "cure: give both sides one ESP (phase 2) proposal in common, PFS group included",
    ]);
  }
  const selectors = chooseSelectors(sa, message, virtualAddresses);
  if (!selectors.ok) return refuse(NotifyType.TS_UNACCEPTABLE, selectors.lines);
  if (pfs && chosen.suite.group !== "none" && ke?.group !== groupId(chosen.suite.group))
    return {
      ok: false,
      error: notify(NotifyType.INVALID_KE_PAYLOAD, u16(groupId(chosen.suite.group))),
      lines: [`PFS needs ${chosen.suite.group}: asking the peer for its KE payload (INVALID_KE_PAYLOAD)`],
    };
  const spiIn = sa.host.newChildSpi();
  return {
    ok: true,
    chosen,
    child: {
      policy: selectors.policy,
      suite: chosen.suite,
      spiIn,
      spiOut: Number.parseInt(chosen.offered.spi, 16),
      localSelectors: selectors.local,
      remoteSelectors: selectors.remote,
    },
    payloads: [
      { kind: "SA", proposals: [espAnswer(chosen, spiText(spiIn))] },
      { kind: "TSi", selectors: selectors.remote, unknown: 0 },
      { kind: "TSr", selectors: selectors.local, unknown: 0 },
    ],
  };
}

type SelectorChoice =
  | {
      readonly ok: true;
      readonly policy: string;
      readonly local: TrafficSelector[];
      readonly remote: TrafficSelector[];
    }
  | { readonly ok: false; readonly lines: readonly string[] };

/** The cloud's rule takes any selectors; otherwise the first policy that leaves something on both sides (RFC 7296 §2.9). */
function chooseSelectors(
  sa: IkeSa,
  message: IkeMessage,
  virtualAddresses: readonly string[],
): SelectorChoice {
  const connection = sa.connection!;
  const tsi = find(message, "TSi")!.selectors;
  const tsr = find(message, "TSr")!.selectors;
  const clients = virtualAddresses.map((a) => selectorOfText(a)!);
  const policies = connection.children.length > 0 ? connection.children : [DEFAULT_POLICY];
  const any: ChildPolicy = { ...policies[0]!, local: ANY_SELECTORS, remote: ANY_SELECTORS };
  for (const policy of connection.responderSelectors === "any" ? [any] : policies) {
    const remote = narrowSelectors(clients.length > 0 ? clients : policy.remote, tsi);
    const local = narrowSelectors(policy.local, tsr);
    if (remote.length > 0 && local.length > 0) return { ok: true, policy: policy.name, local, remote };
  }
  return {
    ok: false,
    lines: [
      "traffic selectors have nothing in common: answering TS_UNACCEPTABLE",
      `peer proposes ${selectorsText(tsi)} === ${selectorsText(tsr)} (its side === this side)`,
      ...(clients.length > 0
        ? [`here the peer's side must be its virtual address ${virtualAddresses.join(" ")}`]
        : []),
      ...policies.map((p) => `here allowed ${selectorsText(p.remote)} === ${selectorsText(p.local)}`),
      "cure: make the prefixes of both configurations mirror images of each other",
    ],
  };
}

const refuse = (type: NotifyType, lines: readonly string[]): ChildChoice => ({
  ok: false,
  error: notify(type),
  lines,
});

/** Derives the keys and makes the value that is announced. `exchangeInitiator`: we sent the request. */
export function makeChild(
  sa: IkeSa,
  negotiated: NegotiatedChild,
  nonces: Nonces,
  shared: Uint8Array | undefined,
  exchangeInitiator: boolean,
): ChildSa {
  const { suite } = negotiated;
  const channel = sa.channel!;
  const keys = deriveChildKeys(channel.suite.prf, channel.keys.d, suite, nonces, shared);
  const { local, localPort, remote, remotePort } = sa.path;
  const install: ChildSaInstall = {
    childSa: sa.host.newId("child"),
    suite: { encryption: suite.encryption, keyBits: suite.keyBits, integrity: suite.integrity },
    esn: suite.esn,
    spiIn: negotiated.spiIn,
    spiOut: negotiated.spiOut,
    inbound: exchangeInitiator ? keys.responder : keys.initiator,
    outbound: exchangeInitiator ? keys.initiator : keys.responder,
    endpoints: { local, remote, ...(sa.encapsulates ? { udp: { localPort, remotePort } } : {}) },
    localSelectors: negotiated.localSelectors,
    remoteSelectors: negotiated.remoteSelectors,
  };
  sa.note("ok", [
    `Child SA ${spiText(install.spiIn)}_i ${spiText(install.spiOut)}_o: ESP ${encryptionLabel(suite)}${suite.group === "none" ? "" : `, PFS ${suite.group}`}${suite.esn ? ", ESN" : ""}, ${install.endpoints.udp ? "in UDP" : "protocol 50"}`,
    `selectors ${selectorsText(install.localSelectors)} === ${selectorsText(install.remoteSelectors)}`,
  ]);
  return {
    install,
    policy: negotiated.policy,
    initiator: exchangeInitiator,
    group: suite.group,
    installedAt: sa.now,
    ...deadlines(sa.connection!.childLifetime, exchangeInitiator, sa.host.random, sa.now),
    state: "installed",
    outboundReady: false,
    successor: undefined,
    peerRekey: undefined,
  };
}
