/**
 * Choosing a proposal (RFC 7296 §2.7, §3.3): ours and the peer's are lists of sets; the choice is one member of each set.
 * Our order of preference decides. Pure functions over wire proposals; the words of a refusal are made here too.
 */
import {
  type EncryptionChoice,
  type EncryptionName,
  type GroupName,
  type IntegrityName,
  isAead,
} from "@tandem/crypto";
import type { EspProposal, IkeProposal } from "./config.ts";
import type { IkeSuite } from "./exported-ike-sa.ts";
import {
  encryptionId,
  encryptionName,
  groupId,
  groupName,
  hasKeyLength,
  integrityId,
  integrityName,
  ProtocolId,
  prfId,
  prfName,
  TransformType,
  transformLabel,
} from "./iana.ts";
import type { Transform, WireProposal } from "./message/payloads/sa.ts";

export interface EspSuite extends EncryptionChoice {
  readonly esn: boolean;
  readonly group: GroupName | "none";
}

const encryptionTransforms = (p: Pick<IkeProposal, "encryption">): Transform[] =>
  p.encryption.map(({ name, keyBits }) => ({
    type: TransformType.ENCR,
    id: encryptionId(name),
    ...(hasKeyLength(name) ? { keyBits } : {}),
  }));
const integrityTransforms = (names: readonly IntegrityName[]): Transform[] =>
  names.filter((n) => n !== "none").map((n) => ({ type: TransformType.INTEG, id: integrityId(n) }));

export function ikeWireProposals(proposals: readonly IkeProposal[], spi = ""): WireProposal[] {
  return proposals.map((p, i) => ({
    number: i + 1,
    protocol: ProtocolId.IKE,
    spi,
    transforms: [
      ...encryptionTransforms(p),
      ...integrityTransforms(p.integrity),
      ...p.prf.map((n) => ({ type: TransformType.PRF, id: prfId(n) })),
      ...p.groups.map((n) => ({ type: TransformType.KE, id: groupId(n) })),
    ],
  }));
}

/** `pfs` false in IKE_AUTH, where there is no KE payload and so no KE transform (RFC 7296 §1.2). */
export function espWireProposals(
  proposals: readonly EspProposal[],
  spi: string,
  pfs: boolean,
): WireProposal[] {
  const wire: WireProposal[] = [];
  for (const p of proposals) {
    const groups = pfs ? p.groups : [];
    const transforms: Transform[] = [
      ...encryptionTransforms(p),
      ...integrityTransforms(p.integrity),
      ...(groups.some((g) => g !== "none")
        ? groups.map((g) => ({ type: TransformType.KE, id: g === "none" ? 0 : groupId(g) }))
        : []),
      ...p.esn.map((esn) => ({ type: TransformType.ESN, id: esn ? 1 : 0 })),
    ];
    // Proposals that differ only in their groups become equal in IKE_AUTH: one is enough.
    const text = JSON.stringify(transforms);
    if (!wire.some((w) => JSON.stringify(w.transforms) === text))
      wire.push({ number: wire.length + 1, protocol: ProtocolId.ESP, spi, transforms });
  }
  return wire;
}

/** The first of `wanted` that is among the offered; `absent` stands for a type that the proposal does not mention. */
function pick<T>(
  wanted: readonly T[],
  offered: readonly Transform[],
  id: (value: T) => number,
  absent?: T,
): T | undefined {
  if (offered.length === 0) return absent !== undefined && wanted.includes(absent) ? absent : undefined;
  return wanted.find((value) => offered.some((t) => t.id === id(value) && t.unknownAttribute !== true));
}

const ofType = (p: WireProposal, type: number): Transform[] => p.transforms.filter((t) => t.type === type);

function pickEncryption(
  ours: Pick<IkeProposal, "encryption" | "integrity">,
  theirs: WireProposal,
): EncryptionChoice | undefined {
  const offered = ofType(theirs, TransformType.ENCR);
  const integrityOffered = ofType(theirs, TransformType.INTEG);
  for (const { name, keyBits } of ours.encryption) {
    const found = offered.some(
      (t) =>
        t.id === encryptionId(name) &&
        t.unknownAttribute !== true &&
        (hasKeyLength(name) ? t.keyBits === keyBits : t.keyBits === undefined || t.keyBits === keyBits),
    );
    if (!found) continue;
    const integrity = isAead(name)
      ? pick<IntegrityName>(["none"], integrityOffered, integrityId, "none")
      : pick(
          ours.integrity.filter((n) => n !== "none"),
          integrityOffered,
          integrityId,
        );
    if (integrity !== undefined) return { encryption: name, keyBits, integrity };
  }
  return undefined;
}

export interface Chosen<S> {
  readonly suite: S;
  /** The peer's proposal that it came from. */
  readonly offered: WireProposal;
}

const IKE_TYPES: readonly number[] = [1, 2, 3, 4];
const ESP_TYPES: readonly number[] = [1, 3, 4, 5];
const onlyKnownTypes = (p: WireProposal, types: readonly number[]): boolean =>
  p.transforms.every((t) => types.includes(t.type));

/** `preferGroup`: the group of the KE payload at hand, taken when it is acceptable, because it saves a round trip. */
export function chooseIkeProposal(
  ours: readonly IkeProposal[],
  theirs: readonly WireProposal[],
  preferGroup?: number,
): Chosen<IkeSuite> | undefined {
  for (const own of ours)
    for (const offered of theirs) {
      if (offered.protocol !== ProtocolId.IKE || !onlyKnownTypes(offered, IKE_TYPES)) continue;
      const encryption = pickEncryption(own, offered);
      const prf = pick(own.prf, ofType(offered, TransformType.PRF), prfId);
      const preferred = own.groups.filter((g) => groupId(g) === preferGroup);
      const group = pick([...preferred, ...own.groups], ofType(offered, TransformType.KE), groupId);
      if (encryption && prf && group) return { suite: { ...encryption, prf, group }, offered };
    }
  return undefined;
}

export function chooseEspProposal(
  ours: readonly EspProposal[],
  theirs: readonly WireProposal[],
  pfs: boolean,
  preferGroup?: number,
): Chosen<EspSuite> | undefined {
  for (const own of ours)
    for (const offered of theirs) {
      if (offered.protocol !== ProtocolId.ESP || offered.spi.length !== 8) continue;
      if (!onlyKnownTypes(offered, ESP_TYPES)) continue;
      const encryption = pickEncryption(own, offered);
      const esn = pick(own.esn, ofType(offered, TransformType.ESN), (e) => (e ? 1 : 0), false);
      const groups: readonly (GroupName | "none")[] = own.groups.length === 0 ? ["none"] : own.groups;
      const preferred = groups.filter((g) => g !== "none" && groupId(g) === preferGroup);
      const group = pfs
        ? pick<GroupName | "none">(
            [...preferred, ...groups],
            ofType(offered, TransformType.KE),
            (g) => (g === "none" ? 0 : groupId(g)),
            "none",
          )
        : "none";
      if (encryption && esn !== undefined && group) return { suite: { ...encryption, esn, group }, offered };
    }
  return undefined;
}

function encryptionTransform(suite: EncryptionChoice): Transform[] {
  return [
    {
      type: TransformType.ENCR,
      id: encryptionId(suite.encryption),
      ...(hasKeyLength(suite.encryption) ? { keyBits: suite.keyBits } : {}),
    },
    ...integrityTransforms([suite.integrity]),
  ];
}

/** The response's single proposal: the offered number, our SPI, one transform of each type. */
export function ikeAnswer(chosen: Chosen<IkeSuite>, spi = ""): WireProposal {
  const { suite, offered } = chosen;
  return {
    number: offered.number,
    protocol: ProtocolId.IKE,
    spi,
    transforms: [
      ...encryptionTransform(suite),
      { type: TransformType.PRF, id: prfId(suite.prf) },
      { type: TransformType.KE, id: groupId(suite.group) },
    ],
  };
}

export function espAnswer(chosen: Chosen<EspSuite>, spi: string): WireProposal {
  const { suite, offered } = chosen;
  const hasEsn = ofType(offered, TransformType.ESN).length > 0;
  const explicitNone = ofType(offered, TransformType.KE).length > 0;
  return {
    number: offered.number,
    protocol: ProtocolId.ESP,
    spi,
    transforms: [
      ...encryptionTransform(suite),
      ...(suite.group !== "none"
        ? [{ type: TransformType.KE, id: groupId(suite.group) }]
        : explicitNone
          ? [{ type: TransformType.KE, id: 0 }]
          : []),
      ...(hasEsn ? [{ type: TransformType.ESN, id: suite.esn ? 1 : 0 }] : []),
    ],
  };
}

/** One transform of each type at most: what an answer must look like. */
const isSingle = (p: WireProposal): boolean =>
  new Set(p.transforms.map((t) => t.type)).size === p.transforms.length;

const transformEquals = (a: Transform, b: Transform): boolean =>
  a.type === b.type && a.id === b.id && a.keyBits === b.keyBits;

/** Checks the peer's answer against what we offered (RFC 7296 §2.7: the initiator MUST verify it). */
function offeredByUs(
  answer: readonly WireProposal[],
  offered: readonly WireProposal[],
): WireProposal | undefined {
  const [only] = answer;
  if (only === undefined || answer.length !== 1 || !isSingle(only)) return undefined;
  const source = offered.find((p) => p.number === only.number && p.protocol === only.protocol);
  return source !== undefined &&
    only.transforms.every((t) => source.transforms.some((o) => transformEquals(o, t)))
    ? only
    : undefined;
}

export function acceptIkeAnswer(
  answer: readonly WireProposal[],
  offered: readonly WireProposal[],
): IkeSuite | undefined {
  const only = offeredByUs(answer, offered);
  if (only === undefined) return undefined;
  const encryption = readEncryption(only);
  const prf = prfName(ofType(only, TransformType.PRF)[0]?.id ?? -1);
  const group = groupName(ofType(only, TransformType.KE)[0]?.id ?? -1);
  return encryption && prf && group ? { ...encryption, prf, group } : undefined;
}

export function acceptEspAnswer(
  answer: readonly WireProposal[],
  offered: readonly WireProposal[],
): EspSuite | undefined {
  const only = offeredByUs(answer, offered);
  if (only === undefined || only.spi.length !== 8) return undefined;
  const encryption = readEncryption(only);
  const groupTransform = ofType(only, TransformType.KE)[0];
  const group =
    groupTransform === undefined || groupTransform.id === 0 ? "none" : groupName(groupTransform.id);
  if (encryption === undefined || group === undefined) return undefined;
  return { ...encryption, esn: ofType(only, TransformType.ESN)[0]?.id === 1, group };
}

function readEncryption(p: WireProposal): EncryptionChoice | undefined {
  const transform = ofType(p, TransformType.ENCR)[0];
  const name: EncryptionName | undefined = encryptionName(transform?.id ?? -1);
  if (transform === undefined || name === undefined) return undefined;
  const integrity = integrityName(ofType(p, TransformType.INTEG)[0]?.id ?? 0);
  if (integrity === undefined || isAead(name) !== (integrity === "none")) return undefined;
  return { encryption: name, keyBits: transform.keyBits ?? FIXED_KEY_BITS[name] ?? 0, integrity };
}

const FIXED_KEY_BITS: Partial<Record<EncryptionName, number>> = {
  "des-cbc": 64,
  "3des-cbc": 192,
  "chacha20-poly1305": 256,
  null: 0,
};

/** "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256", strongSwan's notation, in the order in which types come. */
export function proposalLabel(p: WireProposal): string {
  const byType = [
    TransformType.ENCR,
    TransformType.INTEG,
    TransformType.PRF,
    TransformType.KE,
    TransformType.ESN,
  ].map((type) =>
    ofType(p, type)
      .filter((t) => !(type === TransformType.INTEG && t.id === 0))
      .map((t) => transformLabel(t.type, t.id, t.keyBits))
      .join("|"),
  );
  return byType.filter((s) => s !== "").join("/");
}

export const ikeSuiteLabel = (suite: IkeSuite): string =>
  [
    encryptionLabel(suite),
    transformLabel(TransformType.PRF, prfId(suite.prf)),
    transformLabel(TransformType.KE, groupId(suite.group)),
  ].join("/");

/** "AES_GCM_16-128" or "AES_CBC-256/HMAC_SHA2_256_128". */
export function encryptionLabel(choice: EncryptionChoice): string {
  const bits = hasKeyLength(choice.encryption) ? choice.keyBits : undefined;
  const encryption = transformLabel(TransformType.ENCR, encryptionId(choice.encryption), bits);
  return choice.integrity === "none"
    ? encryption
    : `${encryption}/${transformLabel(TransformType.INTEG, integrityId(choice.integrity))}`;
}

/**
 * Why nothing fits: for the pair of proposals that comes closest, each transform type with both sides' values where they differ.
 * Cause and cure in one, for transcripts.
 */
export function explainMismatch(ours: readonly WireProposal[], theirs: readonly WireProposal[]): string[] {
  let best: { same: number; lines: string[] } | undefined;
  for (const own of ours)
    for (const peer of theirs) {
      const lines: string[] = [];
      let same = 0;
      for (const [name, type] of TYPE_WORDS) {
        const mine = ofType(own, type);
        const its = ofType(peer, type);
        if (mine.length === 0 && its.length === 0) continue;
        if (mine.some((t) => its.some((o) => transformEquals(t, o)))) same++;
        else lines.push(`${name}: peer ${labels(its)}, here ${labels(mine)}`);
      }
      if (best === undefined || same > best.same) best = { same, lines };
    }
  if (best === undefined) return ["one side has no proposal at all"];
  return best.lines.length > 0 ? best.lines : ["each transform fits, but not together in one proposal"];
}

const TYPE_WORDS: readonly (readonly [string, number])[] = [
  ["encryption", TransformType.ENCR],
  ["integrity", TransformType.INTEG],
  ["PRF", TransformType.PRF],
  ["key exchange", TransformType.KE],
  ["sequence numbers", TransformType.ESN],
];
const labels = (transforms: readonly Transform[]): string =>
  transforms.length === 0 ? "none" : transforms.map((t) => transformLabel(t.type, t.id, t.keyBits)).join("|");

export const isIkeGroupOffered = (
  proposals: readonly IkeProposal[],
  group: number,
): GroupName | undefined => {
  const name = groupName(group);
  return name !== undefined && proposals.some((p) => p.groups.includes(name)) ? name : undefined;
};
