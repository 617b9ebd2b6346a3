/** Reading list: RFC 1997, RFC 8092. Lists of communities as bytes, and their text forms. */
import { WELL_KNOWN_COMMUNITIES } from "../iana.ts";

/** "65000:100" or a well-known name, as 4 bytes. Throws a RangeError on anything else: it comes from configuration. */
export function parseCommunity(text: string): Uint8Array {
  const known = WELL_KNOWN_COMMUNITIES.get(text);
  if (known !== undefined) {
    return Uint8Array.of(known >>> 24, (known >>> 16) & 0xff, (known >>> 8) & 0xff, known & 0xff);
  }
  const m = /^(\d{1,5}):(\d{1,5})$/.exec(text);
  const a = Number(m?.[1]);
  const b = Number(m?.[2]);
  if (m === null || a > 0xffff || b > 0xffff) throw new RangeError(`"${text}" is no community`);
  return Uint8Array.of(a >>> 8, a & 0xff, b >>> 8, b & 0xff);
}

/** "65000:1:2", as 12 bytes. */
export function parseLargeCommunity(text: string): Uint8Array {
  const m = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text);
  const parts = m === null ? [] : m.slice(1).map(Number);
  if (parts.length !== 3 || parts.some((p) => p > 0xffff_ffff)) {
    throw new RangeError(`"${text}" is no large community`);
  }
  return Uint8Array.from(parts.flatMap((p) => [p >>> 24, (p >>> 16) & 0xff, (p >>> 8) & 0xff, p & 0xff]));
}

/** Whether `list` (a chain of elements as long as `element`) holds `element`. */
export function listContains(list: Uint8Array | undefined, element: Uint8Array): boolean {
  if (list === undefined) return false;
  for (let at = 0; at + element.length <= list.length; at += element.length) {
    let i = 0;
    while (i < element.length && list[at + i] === element[i]) i++;
    if (i === element.length) return true;
  }
  return false;
}

/** RFC 8092 §3: each element once, where it stood first. The list itself when nothing is repeated. */
export function withoutRepeats(list: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(list.length);
  let end = 0;
  for (let at = 0; at < list.length; at += size) {
    const element = list.subarray(at, at + size);
    if (listContains(out.subarray(0, end), element)) continue;
    out.set(element, end);
    end += size;
  }
  return end === list.length ? list : out.slice(0, end);
}

/** Undefined when nothing is left, since an empty list may not be sent. */
export function changeList(
  list: Uint8Array | undefined,
  size: number,
  add: readonly Uint8Array[],
  remove: readonly Uint8Array[],
): Uint8Array | undefined {
  const elements: Uint8Array[] = [];
  for (let at = 0; list !== undefined && at + size <= list.length; at += size) {
    const element = list.subarray(at, at + size);
    if (!remove.some((r) => listContains(element, r))) elements.push(element);
  }
  for (const a of add) if (!elements.some((e) => listContains(e, a))) elements.push(a);
  if (elements.length === 0) return undefined;
  const out = new Uint8Array(elements.length * size);
  elements.forEach((e, i) => {
    out.set(e, i * size);
  });
  return out;
}

export function formatCommunities(list: Uint8Array | undefined): string[] {
  const out: string[] = [];
  for (let at = 0; list !== undefined && at + 4 <= list.length; at += 4) {
    out.push(`${(list[at]! << 8) | list[at + 1]!}:${(list[at + 2]! << 8) | list[at + 3]!}`);
  }
  return out;
}
