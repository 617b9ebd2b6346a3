/**
 * Reading list: RFC 4271 §4.3 (b), §5.1.2, §9.1.2.2 (a); RFC 6793 §4.2 (two and four octets); RFC 7606 §7.2;
 * RFC 5065 §5 and RFC 6793 §6 (confederation segments); RFC 7607 §2 (AS 0).
 *
 * Inside the speaker a path is always the wire form with 4-octet AS numbers: segments of type(1), count(1), ASNs.
 * Confederation segments never get there: nobody who speaks to us is a member of a confederation of ours.
 */
import { AS_TRANS, SegmentType } from "../iana.ts";

export const EMPTY_AS_PATH: Uint8Array = new Uint8Array(0);

const uint32 = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;

/** The well-formed path with `octets` per ASN, copied into the 4-octet form; else what is wrong with it. */
export function decodeAsPath(bytes: Uint8Array, octets: 2 | 4): Uint8Array | string {
  const problem = pathProblem(bytes, octets, SegmentType.AS_SEQUENCE);
  if (problem !== undefined) return problem;
  return octets === 4 ? bytes.slice() : widen(bytes);
}

/** The same for AS4_PATH, where confederation segments are dropped and what is left is used (RFC 6793 §6). */
export function decodeAs4Path(bytes: Uint8Array): Uint8Array | string {
  if (bytes.length < 6) return `of length ${bytes.length}`;
  return pathProblem(bytes, 4, SegmentType.CONFED_SET) ?? withoutConfederation(bytes);
}

function pathProblem(bytes: Uint8Array, octets: 2 | 4, lastType: number): string | undefined {
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 2) return "segment header cut off";
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    if (type < SegmentType.AS_SET || type > lastType) return `segment type ${type}`;
    if (count === 0) return "segment of no AS";
    const end = at + 2 + count * octets;
    if (end > bytes.length) return "segment overruns the attribute";
    for (at += 2; at < end; at += octets) {
      const high = octets === 4 ? bytes[at]! | bytes[at + 1]! : 0;
      if ((high | bytes[at + octets - 2]! | bytes[at + octets - 1]!) === 0) return "AS 0";
    }
  }
  return undefined;
}

function widen(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const count = bytes[at + 1]!;
    out.push(bytes[at]!, count);
    at += 2;
    for (let i = 0; i < count; i++, at += 2) out.push(0, 0, bytes[at]!, bytes[at + 1]!);
  }
  return Uint8Array.from(out);
}

/** For a peer with 2-octet AS numbers: ASNs that do not fit become AS_TRANS; `lossy` tells that an AS4_PATH is needed. */
export function narrowAsPath(path: Uint8Array): { readonly bytes: Uint8Array; readonly lossy: boolean } {
  const out: number[] = [];
  let lossy = false;
  for (let at = 0; at < path.length; ) {
    const count = path[at + 1]!;
    out.push(path[at]!, count);
    at += 2;
    for (let i = 0; i < count; i++, at += 4) {
      const as = uint32(path, at);
      const narrow = as > 0xffff ? AS_TRANS : as;
      if (as > 0xffff) lossy = true;
      out.push(narrow >>> 8, narrow & 0xff);
    }
  }
  return { bytes: Uint8Array.from(out), lossy };
}

function withoutConfederation(path: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < path.length; ) {
    const size = 2 + path[at + 1]! * 4;
    if (path[at]! <= SegmentType.AS_SEQUENCE) for (let i = at; i < at + size; i++) out.push(path[i]!);
    at += size;
  }
  return Uint8Array.from(out);
}

/** Length for the decision: an AS_SET counts as one. */
export function asPathLength(path: Uint8Array): number {
  let length = 0;
  for (let at = 0; at < path.length; ) {
    const count = path[at + 1]!;
    length += path[at] === SegmentType.AS_SEQUENCE ? count : 1;
    at += 2 + count * 4;
  }
  return length;
}

/** The neighbouring AS that the route came through: first of the first AS_SEQUENCE; 0 when there is none. */
export function neighborAs(path: Uint8Array): number {
  return path.length >= 6 && path[0] === SegmentType.AS_SEQUENCE ? uint32(path, 2) : 0;
}

export function asPathContains(path: Uint8Array, asn: number): boolean {
  for (let at = 0; at < path.length; ) {
    const end = at + 2 + path[at + 1]! * 4;
    for (at += 2; at < end; at += 4) if (uint32(path, at) === asn) return true;
  }
  return false;
}

/** RFC 4271 §5.1.2: puts `asn` in front `times` times, in the first segment if that is a sequence with room. */
export function prependAs(path: Uint8Array, asn: number, times: number): Uint8Array {
  let result = path;
  for (let left = times; left > 0; ) {
    const open = result.length > 0 && result[0] === SegmentType.AS_SEQUENCE && result[1]! < 255;
    const room = open ? 255 - result[1]! : 255;
    const n = Math.min(room, left);
    const rest = open ? result.subarray(2) : result;
    const out = new Uint8Array(2 + n * 4 + rest.length);
    out[0] = SegmentType.AS_SEQUENCE;
    out[1] = open ? result[1]! + n : n;
    for (let i = 0; i < n; i++) {
      out.set([asn >>> 24, (asn >>> 16) & 0xff, (asn >>> 8) & 0xff, asn & 0xff], 2 + i * 4);
    }
    out.set(rest, 2 + n * 4);
    result = out;
    left -= n;
  }
  return result;
}

/**
 * RFC 6793 §4.2.3: the path as the 4-octet speakers wrote it, behind what 2-octet speakers put in front since.
 * An AS4_PATH with more ASNs than the AS_PATH is ignored.
 */
export function mergeAs4Path(path: Uint8Array, as4Path: Uint8Array): Uint8Array {
  const excess = asPathLength(path) - asPathLength(as4Path);
  if (excess < 0) return path;
  const out: number[] = [];
  let left = excess;
  for (let at = 0; at < path.length && left > 0; ) {
    const type = path[at]!;
    const count = path[at + 1]!;
    const end = at + 2 + count * 4;
    const takes = type === SegmentType.AS_SEQUENCE ? Math.min(count, left) : count;
    left -= type === SegmentType.AS_SEQUENCE ? takes : 1;
    out.push(type, takes);
    for (let i = at + 2; i < at + 2 + takes * 4; i++) out.push(path[i]!);
    at = end;
  }
  // Two sequences in a row become one while it has room, so that lengths and prints stay natural.
  const first = out.length > 0 && out[0] === SegmentType.AS_SEQUENCE && out.length === 2 + out[1]! * 4;
  if (
    first &&
    as4Path[0] === SegmentType.AS_SEQUENCE &&
    out[1]! + (as4Path[1] ?? 0) <= 255 &&
    as4Path.length > 0
  ) {
    out[1] = out[1]! + as4Path[1]!;
    return Uint8Array.from([...out, ...as4Path.subarray(2)]);
  }
  return Uint8Array.from([...out, ...as4Path]);
}

/** ASNs from the nearest to the origin; sets as "{1,2}". */
export function asPathItems(path: Uint8Array): string[] {
  const items: string[] = [];
  for (let at = 0; at < path.length; ) {
    const type = path[at]!;
    const end = at + 2 + path[at + 1]! * 4;
    const asns: string[] = [];
    for (at += 2; at < end; at += 4) asns.push(String(uint32(path, at)));
    if (type === SegmentType.AS_SEQUENCE) items.push(...asns);
    else items.push(`{${asns.join(",")}}`);
  }
  return items;
}
