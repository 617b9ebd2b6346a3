/**
 * Reading list: RFC 4271 §4.3, §5; RFC 7606 §3 (c), §7; RFC 6793 §6; RFC 8092 §5; RFC 4456 §8.
 * What each path attribute must look like, and what becomes of the UPDATE when it does not: a table, not ifs.
 */
import { AttributeFlag, AttributeType } from "../iana.ts";

/**
 * RFC 7606 §2, weakest first: drop the attribute; take the routes of the message as withdrawn; end the session.
 * ("AFI/SAFI disable" is left out, as §2 allows: a reset takes its place.)
 */
export type Treatment = "attribute-discard" | "treat-as-withdraw" | "session-reset";

export interface AttributeRule {
  readonly name: string;
  /** Optional and Transitive bits as they have to be. */
  readonly flags: number;
  /** Lengths that are well formed. */
  readonly length: (length: number, fourOctetAs: boolean) => boolean;
  readonly malformed: Treatment;
  /** Means nothing from an external peer: discarded there before anything is checked (RFC 7606 §7.5, §7.9, §7.10). */
  readonly internalOnly?: true;
  /** Means nothing from a peer that speaks 4-octet AS numbers (RFC 6793 §4.1). */
  readonly twoOctetOnly?: true;
}

const WELL_KNOWN = AttributeFlag.TRANSITIVE;
const OPTIONAL = AttributeFlag.OPTIONAL;
const OPTIONAL_TRANSITIVE = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;

const exactly =
  (n: number) =>
  (length: number): boolean =>
    length === n;
const multipleOf =
  (n: number) =>
  (length: number): boolean =>
    length > 0 && length % n === 0;
/** Its inner structure is checked by its decoder. */
const any = (): boolean => true;

export const ATTRIBUTE_RULES: ReadonlyMap<number, AttributeRule> = new Map<number, AttributeRule>([
  [
    AttributeType.ORIGIN,
    { name: "ORIGIN", flags: WELL_KNOWN, length: exactly(1), malformed: "treat-as-withdraw" },
  ],
  [
    AttributeType.AS_PATH,
    { name: "AS_PATH", flags: WELL_KNOWN, length: any, malformed: "treat-as-withdraw" },
  ],
  [
    AttributeType.NEXT_HOP,
    { name: "NEXT_HOP", flags: WELL_KNOWN, length: exactly(4), malformed: "treat-as-withdraw" },
  ],
  [
    AttributeType.MULTI_EXIT_DISC,
    { name: "MULTI_EXIT_DISC", flags: OPTIONAL, length: exactly(4), malformed: "treat-as-withdraw" },
  ],
  [
    AttributeType.LOCAL_PREF,
    {
      name: "LOCAL_PREF",
      flags: WELL_KNOWN,
      length: exactly(4),
      malformed: "treat-as-withdraw",
      internalOnly: true,
    },
  ],
  [
    AttributeType.ATOMIC_AGGREGATE,
    { name: "ATOMIC_AGGREGATE", flags: WELL_KNOWN, length: exactly(0), malformed: "attribute-discard" },
  ],
  [
    AttributeType.AGGREGATOR,
    {
      name: "AGGREGATOR",
      flags: OPTIONAL_TRANSITIVE,
      length: (length, fourOctetAs) => length === (fourOctetAs ? 8 : 6),
      malformed: "attribute-discard",
    },
  ],
  [
    AttributeType.COMMUNITIES,
    {
      name: "COMMUNITIES",
      flags: OPTIONAL_TRANSITIVE,
      length: multipleOf(4),
      malformed: "treat-as-withdraw",
    },
  ],
  [
    AttributeType.ORIGINATOR_ID,
    {
      name: "ORIGINATOR_ID",
      flags: OPTIONAL,
      length: exactly(4),
      malformed: "treat-as-withdraw",
      internalOnly: true,
    },
  ],
  [
    AttributeType.CLUSTER_LIST,
    {
      name: "CLUSTER_LIST",
      flags: OPTIONAL,
      length: multipleOf(4),
      malformed: "treat-as-withdraw",
      internalOnly: true,
    },
  ],
  [
    AttributeType.MP_REACH_NLRI,
    { name: "MP_REACH_NLRI", flags: OPTIONAL, length: any, malformed: "session-reset" },
  ],
  [
    AttributeType.MP_UNREACH_NLRI,
    { name: "MP_UNREACH_NLRI", flags: OPTIONAL, length: any, malformed: "session-reset" },
  ],
  [
    AttributeType.EXTENDED_COMMUNITIES,
    {
      name: "EXTENDED_COMMUNITIES",
      flags: OPTIONAL_TRANSITIVE,
      length: multipleOf(8),
      malformed: "treat-as-withdraw",
    },
  ],
  [
    AttributeType.AS4_PATH,
    {
      name: "AS4_PATH",
      flags: OPTIONAL_TRANSITIVE,
      length: any,
      malformed: "attribute-discard",
      twoOctetOnly: true,
    },
  ],
  [
    AttributeType.AS4_AGGREGATOR,
    {
      name: "AS4_AGGREGATOR",
      flags: OPTIONAL_TRANSITIVE,
      length: exactly(8),
      malformed: "attribute-discard",
      twoOctetOnly: true,
    },
  ],
  [
    AttributeType.IPV6_EXTENDED_COMMUNITIES,
    {
      name: "IPV6_EXTENDED_COMMUNITIES",
      flags: OPTIONAL_TRANSITIVE,
      length: multipleOf(20),
      malformed: "treat-as-withdraw",
    },
  ],
  [
    AttributeType.LARGE_COMMUNITIES,
    {
      name: "LARGE_COMMUNITIES",
      flags: OPTIONAL_TRANSITIVE,
      length: multipleOf(12),
      malformed: "treat-as-withdraw",
    },
  ],
]);
