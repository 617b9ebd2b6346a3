/**
 * Reading list: RFC 4271 §6.3, §9; RFC 4760 §3-4; RFC 7606 §3-5; RFC 4724 §2.
 * What an UPDATE does to the peer's routes, and which errors it answers for.
 *
 * The usual UPDATE carries attributes that were seen before: its attribute bytes are looked up as they are, and only
 * bytes that are new are decoded.
 */
import { AttributeSalt } from "./attributes/attribute-table.ts";
import { type DecodedAttributes, decodeAttributes } from "./attributes/decode.ts";
import type { PathAttributes } from "./attributes/path-attributes.ts";
import type { Family } from "./config.ts";
import type { Core } from "./core.ts";
import { type BgpError, bgpError } from "./errors.ts";
import { ErrorCode, UpdateError } from "./iana.ts";
import { decodeUpdate, isNlri, newUpdateSections, type UpdateSections } from "./message/update.ts";
import type { AdjRibIn } from "./rib/adj-rib-in.ts";

export interface UpdateContext {
  readonly external: boolean;
  readonly fourOctetAs: boolean;
  readonly families: ReadonlySet<Family>;
}

export interface UpdateCounters {
  treatAsWithdraw: number;
  attributeDiscards: number;
}

/** What the session has to do after an UPDATE, besides nothing. */
export type UpdateOutcome =
  | { readonly kind: "error"; readonly error: BgpError }
  | { readonly kind: "end-of-rib"; readonly family: Family }
  /** The session survived, but somebody should know. */
  | { readonly kind: "survived"; readonly detail: string };

const MAXIMUM_BITS: Readonly<Record<Family, number>> = { "ipv4-unicast": 32, "ipv6-unicast": 128 };

export class UpdateReceiver {
  readonly #core: Core;
  readonly #routes: AdjRibIn;
  readonly #context: UpdateContext;
  readonly #salt: number;
  readonly #counters: UpdateCounters;
  readonly #sections: UpdateSections = newUpdateSections();

  constructor(core: Core, routes: AdjRibIn, context: UpdateContext, counters: UpdateCounters) {
    this.#core = core;
    this.#routes = routes;
    this.#context = context;
    this.#counters = counters;
    this.#salt =
      (context.external ? AttributeSalt.EXTERNAL : AttributeSalt.INTERNAL) +
      (context.fourOctetAs ? 0 : AttributeSalt.TWO_OCTET);
  }

  /** One whole UPDATE, header included. */
  receive(bytes: Uint8Array, start: number, end: number): UpdateOutcome | undefined {
    const s = this.#sections;
    const error = decodeUpdate(bytes, start, end, s);
    if (error !== undefined) return { kind: "error", error };
    if (s.nlriStart < end && this.#context.families.has("ipv4-unicast")) {
      const set = this.#knownOrPlain(bytes, s);
      if (set !== 0) {
        this.#counters.attributeDiscards += this.#core.attributes.get(set).discards;
        this.#core.attributes.retain(set);
        this.#withdraw("ipv4-unicast", bytes, s.withdrawnStart, s.withdrawnEnd);
        this.#routes.announce("ipv4-unicast", bytes, s.nlriStart, s.nlriEnd, set);
        this.#core.attributes.release(set);
        return undefined;
      }
    }
    return this.#decode(bytes, s);
  }

  /** The set of these very bytes, or of bytes that need no judgement; else 0. */
  #knownOrPlain(bytes: Uint8Array, s: UpdateSections): number {
    const { attributes } = this.#core;
    const known = attributes.find(bytes, s.attributesStart, s.attributesEnd, this.#salt);
    if (known !== 0 || !this.#context.fourOctetAs) return known;
    return attributes.addPlain(bytes, s.attributesStart, s.attributesEnd, this.#salt, this.#context.external);
  }

  #decode(bytes: Uint8Array, s: UpdateSections): UpdateOutcome | undefined {
    if (s.attributesStart === s.attributesEnd && s.nlriStart === s.nlriEnd) {
      if (s.withdrawnStart === s.withdrawnEnd) return { kind: "end-of-rib", family: "ipv4-unicast" };
      this.#withdraw("ipv4-unicast", bytes, s.withdrawnStart, s.withdrawnEnd);
      return undefined;
    }
    const d = decodeAttributes(bytes, s.attributesStart, s.attributesEnd, this.#context);
    if (d.reset !== undefined) return { kind: "error", error: d.reset };
    const badNlri = mpNlriProblem(bytes, d);
    if (badNlri !== undefined) return { kind: "error", error: badNlri };
    this.#counters.attributeDiscards += d.discarded.length;

    const reachable = s.nlriStart < s.nlriEnd || (d.mpReach !== undefined && d.mpReach.start < d.mpReach.end);
    // RFC 4760 §3: beside MP_REACH_NLRI alone, NEXT_HOP is ignored.
    const hopCounts = s.nlriStart < s.nlriEnd || !reachable;
    const malformed = d.withdraw ?? (hopCounts ? d.badNextHop : undefined);
    const problem = malformed ?? (reachable ? missing(s, d) : undefined);
    if (problem !== undefined && !reachable) {
      // RFC 7606 §5.2: without a prefix to withdraw, the prefixes may be what got lost.
      const lost = bgpError(ErrorCode.UPDATE_MESSAGE, UpdateError.MALFORMED_ATTRIBUTE_LIST, problem);
      return { kind: "error", error: lost };
    }
    this.#withdraw("ipv4-unicast", bytes, s.withdrawnStart, s.withdrawnEnd);
    const gone = d.mpUnreach;
    if (gone?.family !== undefined) this.#withdraw(gone.family, bytes, gone.start, gone.end);
    if (problem !== undefined) {
      this.#counters.treatAsWithdraw++;
      this.#withdraw("ipv4-unicast", bytes, s.nlriStart, s.nlriEnd);
      const mp = d.mpReach;
      if (mp?.family !== undefined) this.#withdraw(mp.family, bytes, mp.start, mp.end);
      return { kind: "survived", detail: `routes taken as withdrawn: ${problem}` };
    }
    if (reachable) this.#announce(bytes, s, d);
    if (isMpEndOfRib(s, d)) return { kind: "end-of-rib", family: gone!.family! };
    if (d.discarded.length === 0) return undefined;
    return { kind: "survived", detail: `attribute dropped: ${d.discarded.join(", ")}` };
  }

  #announce(bytes: Uint8Array, s: UpdateSections, d: DecodedAttributes): void {
    const attributes = d.attributes!;
    const families = this.#context.families;
    if (s.nlriStart < s.nlriEnd && families.has("ipv4-unicast")) {
      const plain: PathAttributes = { ...attributes, nextHop: d.nextHop! };
      // An UPDATE that also has MP attributes must not be found again by its bytes alone: they hold prefixes.
      const set =
        d.mpReach === undefined && d.mpUnreach === undefined
          ? this.#core.attributes.add(
              bytes,
              s.attributesStart,
              s.attributesEnd,
              this.#salt,
              plain,
              d.discarded.length,
            )
          : this.#core.attributes.addLocal(plain);
      this.#hold(set, () => this.#routes.announce("ipv4-unicast", bytes, s.nlriStart, s.nlriEnd, set));
    }
    const mp = d.mpReach;
    const family = mp?.family;
    if (mp === undefined || family === undefined || !families.has(family) || mp.start === mp.end) return;
    const set = this.#core.attributes.addLocal({ ...attributes, nextHop: mp.nextHop });
    this.#hold(set, () => this.#routes.announce(family, bytes, mp.start, mp.end, set));
  }

  /** Keeps a set alive while it is handed round. */
  #hold(set: number, use: () => void): void {
    this.#core.attributes.retain(set);
    use();
    this.#core.attributes.release(set);
  }

  #withdraw(family: Family, bytes: Uint8Array, start: number, end: number): void {
    if (start < end && this.#context.families.has(family)) this.#routes.withdraw(family, bytes, start, end);
  }
}

/** RFC 7606 §3 (d): mandatory attributes that a message with routes lacks. */
function missing(s: UpdateSections, d: DecodedAttributes): string | undefined {
  if (d.attributes === undefined) return "ORIGIN or AS_PATH is missing";
  if (s.nlriStart < s.nlriEnd && d.nextHop === undefined) return "NEXT_HOP is missing";
  return undefined;
}

/** RFC 7606 §5.3, RFC 4760 §7: prefixes that cannot be told apart end the session. */
function mpNlriProblem(bytes: Uint8Array, d: DecodedAttributes): BgpError | undefined {
  for (const range of [d.mpReach, d.mpUnreach]) {
    if (range?.family === undefined) continue;
    if (!isNlri(bytes, range.start, range.end, MAXIMUM_BITS[range.family])) {
      return bgpError(
        ErrorCode.UPDATE_MESSAGE,
        UpdateError.OPTIONAL_ATTRIBUTE,
        "NLRI of an MP attribute cannot be parsed",
        bytes.slice(range.at, range.end),
      );
    }
  }
  return undefined;
}

/** RFC 4724 §2: MP_UNREACH_NLRI alone, with no prefix. */
function isMpEndOfRib(s: UpdateSections, d: DecodedAttributes): boolean {
  const u = d.mpUnreach;
  return (
    u !== undefined &&
    u.family !== undefined &&
    u.start === u.end &&
    d.mpReach === undefined &&
    !d.others &&
    s.withdrawnStart === s.withdrawnEnd &&
    s.nlriStart === s.nlriEnd
  );
}
