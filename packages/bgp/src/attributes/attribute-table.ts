/**
 * Every set of path attributes that some route carries, once. A set is found by the bytes it came in, so the second
 * UPDATE with the same attributes is not even decoded.
 */
import { formatAddress } from "@tandem/wire";
import { ByteInterner } from "../rib/byte-interner.ts";
import { asPathItems } from "./as-path.ts";
import { AttributeSet } from "./attribute-set.ts";
import { encodeAttributes } from "./encode.ts";
import type { PathAttributes } from "./path-attributes.ts";
import { newPlainScan, type PlainScan, scanPlain } from "./plain-scan.ts";

/** Where a set's bytes came from: the same bytes mean different things from different peers. */
export const AttributeSalt = {
  /** Made here, by policy or origination. */
  LOCAL: 0,
  EXTERNAL: 1,
  INTERNAL: 2,
  /** Added to the two above. */
  TWO_OCTET: 4,
  NEXT_HOP_APPENDED: 8,
} as const;

/** Told when a set's id stops meaning what it meant. */
export interface AttributeDependent {
  forget(set: number): void;
}

export class AttributeTable {
  readonly #asn: number;
  readonly #interner: ByteInterner = new ByteInterner();
  readonly #sets: (AttributeSet | undefined)[] = [undefined];
  readonly #dependents: Set<AttributeDependent> = new Set();
  readonly #scan: PlainScan = newPlainScan();

  constructor(asn: number) {
    this.#asn = asn;
  }

  get size(): number {
    return this.#interner.size;
  }

  get(id: number): AttributeSet {
    return this.#sets[id]!;
  }

  find(bytes: Uint8Array, start: number, end: number, salt: number): number {
    return this.#interner.find(bytes, start, end, salt);
  }

  /** The set has no holder yet; `retain` it, or `settle` it when nothing came of it. */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    salt: number,
    attributes: PathAttributes,
    discards: number,
  ): number {
    const id = this.#interner.intern(bytes, start, end, salt);
    if (this.#sets[id] !== undefined) return id;
    this.#sets[id] = AttributeSet.fromDecoded(attributes, this.#asn, discards);
    return id;
  }

  /** The id of a set that `scanPlain` understands, or 0. As with `add`, the set has no holder yet. */
  addPlain(bytes: Uint8Array, start: number, end: number, salt: number, external: boolean): number {
    if (!scanPlain(bytes, start, end, external, this.#asn, this.#scan)) return 0;
    const id = this.#interner.intern(bytes, start, end, salt);
    this.#sets[id] ??= AttributeSet.fromPlain(this.#interner, id, this.#scan);
    return id;
  }

  /** A set made here: found by its canonical encoding. */
  addLocal(attributes: PathAttributes): number {
    const wire = encodeAttributes(attributes, { fourOctetAs: true, nextHop: false });
    const key = new Uint8Array(wire.length + attributes.nextHop.length);
    key.set(wire);
    key.set(attributes.nextHop, wire.length);
    const salt = AttributeSalt.LOCAL + (attributes.nextHop.length << 8);
    return this.add(key, 0, key.length, salt, attributes, 0);
  }

  retain(id: number): void {
    this.#interner.retain(id);
  }

  release(id: number): void {
    if (!this.#interner.release(id)) return;
    this.#sets[id] = undefined;
    for (const d of this.#dependents) d.forget(id);
  }

  /** Frees a set that nobody took. */
  settle(id: number): void {
    this.#interner.retain(id);
    this.release(id);
  }

  addDependent(dependent: AttributeDependent): void {
    this.#dependents.add(dependent);
  }

  removeDependent(dependent: AttributeDependent): void {
    this.#dependents.delete(dependent);
  }
}

/** RFC 4271 §5.1.5: what a route without LOCAL_PREF counts as. */
export const DEFAULT_LOCAL_PREF = 100;

export const nextHopText = (a: PathAttributes): string =>
  a.nextHop.length === 0 ? "" : formatAddress(a.nextHop);

/** The API's form, "65555-65515". */
export const dashedAsPath = (a: PathAttributes): string => asPathItems(a.asPath).join("-");
