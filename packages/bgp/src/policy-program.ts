/**
 * A policy made ready to run: texts parsed once, prefixes as words. `evaluate` says which statements would change
 * the route (its outcome, a small number); `apply` makes the change, once per attribute set and outcome.
 */
import { type Prefix, parsePrefix } from "@tandem/wire";
import { asPathContains, prependAs } from "./attributes/as-path.ts";
import type { AttributeSet } from "./attributes/attribute-set.ts";
import { changeList, listContains, parseCommunity, parseLargeCommunity } from "./attributes/community.ts";
import type { PathAttributes } from "./attributes/path-attributes.ts";
import type { Policy, PolicyMatch, PolicySet, PolicyStatement, RouteSource } from "./policy.ts";
import type { PrefixTable } from "./rib/prefix-table.ts";

export const REJECTED = -1;

interface Range {
  readonly prefix: Prefix;
  readonly words: Int32Array;
  readonly minimum: number;
  readonly maximum: number;
}

interface Step {
  readonly statement: PolicyStatement;
  readonly match: Match | undefined;
}

interface Match {
  readonly ranges: readonly Range[] | undefined;
  readonly overlaps: readonly Range[] | undefined;
  readonly communities: readonly Uint8Array[] | undefined;
  readonly largeCommunities: readonly Uint8Array[] | undefined;
  readonly rest: PolicyMatch;
}

export class PolicyProgram {
  readonly #steps: readonly Step[];
  readonly #otherwise: "accept" | "reject";
  /** Accepts everything unchanged. */
  readonly trivial: boolean;
  /** The sets of each outcome; outcome 0 changes nothing. */
  readonly #outcomes: (readonly PolicySet[])[] = [[]];
  readonly #outcomeOf: Map<string, number> = new Map();
  /** Name of the statement that decided last: for `why`. */
  decidedBy = "";

  constructor(policy: Policy | undefined) {
    this.#steps = (policy?.statements ?? []).map((statement) => ({
      statement,
      match: statement.match === undefined ? undefined : compileMatch(statement.match),
    }));
    this.#otherwise = policy?.otherwise ?? "accept";
    this.trivial = this.#steps.length === 0 && this.#otherwise === "accept";
  }

  /** `REJECTED`, or the outcome for `apply`. */
  evaluate(
    table: PrefixTable,
    prefix: number,
    attributes: AttributeSet,
    source: RouteSource,
    tag: string,
  ): number {
    if (this.trivial) return 0;
    let key = "";
    for (let i = 0; i < this.#steps.length; i++) {
      const { statement, match } = this.#steps[i]!;
      if (match !== undefined && !matches(match, table, prefix, attributes, source, tag)) continue;
      if (statement.set !== undefined && statement.action !== "reject") key += `${i},`;
      if (statement.action === "continue") continue;
      this.decidedBy = statement.name;
      return statement.action === "reject" ? REJECTED : this.#outcome(key);
    }
    this.decidedBy = "otherwise";
    return this.#otherwise === "reject" ? REJECTED : this.#outcome(key);
  }

  #outcome(key: string): number {
    if (key === "") return 0;
    let outcome = this.#outcomeOf.get(key);
    if (outcome === undefined) {
      const sets = key
        .split(",")
        .filter((s) => s !== "")
        .map((s) => this.#steps[Number(s)]!.statement.set!);
      outcome = this.#outcomes.push(sets) - 1;
      this.#outcomeOf.set(key, outcome);
    }
    return outcome;
  }

  apply(outcome: number, attributes: PathAttributes, asn: number): PathAttributes {
    let result = attributes;
    for (const set of this.#outcomes[outcome]!) result = applySet(set, result, asn);
    return result;
  }
}

/** Throws a RangeError that names the first thing in the policy that cannot be read. */
export function checkPolicy(policy: Policy): void {
  new PolicyProgram(policy);
}

function compileMatch(match: PolicyMatch): Match {
  return {
    ranges: match.prefixes?.map((r) => range(r.prefix, r.minLength, r.maxLength)),
    overlaps: match.overlaps?.map((p) => range(p, undefined, undefined)),
    communities: match.communities?.map(parseCommunity),
    largeCommunities: match.largeCommunities?.map(parseLargeCommunity),
    rest: match,
  };
}

function range(text: string, minimum: number | undefined, maximum: number | undefined): Range {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new RangeError(`"${text}" is no prefix`);
  const b = prefix.bytes;
  const words = new Int32Array(b.length / 4);
  for (let i = 0; i < words.length; i++) {
    words[i] = (b[i * 4]! << 24) | (b[i * 4 + 1]! << 16) | (b[i * 4 + 2]! << 8) | b[i * 4 + 3]!;
  }
  return {
    prefix,
    words,
    minimum: minimum ?? prefix.length,
    maximum: maximum ?? (minimum === undefined ? prefix.length : b.length * 8),
  };
}

function matches(
  m: Match,
  table: PrefixTable,
  prefix: number,
  a: AttributeSet,
  source: RouteSource,
  tag: string,
): boolean {
  const r = m.rest;
  if (r.sources !== undefined && !r.sources.includes(source)) return false;
  if (r.tags !== undefined && !r.tags.includes(tag)) return false;
  if (m.ranges !== undefined && !m.ranges.some((x) => inRange(x, table, prefix))) return false;
  if (m.overlaps !== undefined && !m.overlaps.some((x) => overlaps(x, table, prefix))) return false;
  if (m.communities !== undefined && !m.communities.some((c) => listContains(a.communities, c))) return false;
  if (
    m.largeCommunities !== undefined &&
    !m.largeCommunities.some((c) => listContains(a.largeCommunities, c))
  ) {
    return false;
  }
  if (r.asPathContains !== undefined && !r.asPathContains.some((asn) => asPathContains(a.asPath, asn))) {
    return false;
  }
  const length = r.asPathLength;
  return (
    length === undefined || (a.pathLength >= (length.min ?? 0) && a.pathLength <= (length.max ?? Infinity))
  );
}

function inRange(r: Range, table: PrefixTable, id: number): boolean {
  const bits = table.bits[id]!;
  if (table.wide !== (r.words.length === 4) || bits < r.prefix.length) return false;
  return bits >= r.minimum && bits <= r.maximum && agree(r, table, id, r.prefix.length);
}

function overlaps(r: Range, table: PrefixTable, id: number): boolean {
  if (table.wide !== (r.words.length === 4)) return false;
  return agree(r, table, id, Math.min(r.prefix.length, table.bits[id]!));
}

/** The first `bits` bits are the same. */
function agree(r: Range, table: PrefixTable, id: number, bits: number): boolean {
  for (let i = 0, left = bits; left > 0; i++, left -= 32) {
    const column = i === 0 ? table.w0 : i === 1 ? table.w1 : i === 2 ? table.w2 : table.w3;
    const mask = left >= 32 ? -1 : -1 << (32 - left);
    if (((column[id]! ^ r.words[i]!) & mask) !== 0) return false;
  }
  return true;
}

function applySet(set: PolicySet, a: PathAttributes, asn: number): PathAttributes {
  const communities = (texts: readonly string[] | undefined): Uint8Array[] =>
    (texts ?? []).map(parseCommunity);
  const large = (texts: readonly string[] | undefined): Uint8Array[] =>
    (texts ?? []).map(parseLargeCommunity);
  return {
    ...a,
    localPref: set.localPref ?? a.localPref,
    med: set.med === undefined ? a.med : (set.med ?? undefined),
    asPath: set.prepend === undefined ? a.asPath : prependAs(a.asPath, asn, set.prepend),
    communities: changeList(
      a.communities,
      4,
      communities(set.addCommunities),
      communities(set.removeCommunities),
    ),
    largeCommunities: changeList(
      a.largeCommunities,
      12,
      large(set.addLargeCommunities),
      large(set.removeLargeCommunities),
    ),
  };
}
