/** Whether a changed connection is still the same one to its peer: then its IKE SAs stay. */
import { constantTimeEqual } from "@tandem/crypto";
import type { IkeConnection } from "./config.ts";

/** Clocks and who dials may change while the IKE SA stands; everything else makes it another connection. */
const MAY_CHANGE: ReadonlySet<string> = new Set<keyof IkeConnection>([
  "ikeLifetime",
  "childLifetime",
  "dpdTimeout",
  "mode",
]);

export function isSameConnection(a: IkeConnection, b: IkeConnection): boolean {
  return sameFields(a, b, MAY_CHANGE);
}

/** By structure. Octets, which may be keys, are never turned into text, and compared in constant time. */
function same(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && constantTimeEqual(a, b);
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]))
    );
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  return sameFields(a, b);
}

/** A field that is absent equals one that is undefined. */
function sameFields(a: object, b: object, except: ReadonlySet<string> = new Set()): boolean {
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  for (const key of new Set([...left.keys(), ...right.keys()]))
    if (!except.has(key) && !same(left.get(key), right.get(key))) return false;
  return true;
}
