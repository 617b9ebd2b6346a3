/** Traffic selectors as sets of (protocol, ports, addresses): text, intersection, narrowing (RFC 7296 §2.9, §3.13.1). */
import { addressFamily, formatAddress, type Prefix, parseAddress, parsePrefix } from "@tandem/wire";
import type { TrafficSelector } from "./config.ts";
import { SELECTORS_MAX } from "./constants.ts";

export function selectorOfPrefix(prefix: Prefix): TrafficSelector {
  const end = prefix.bytes.slice();
  for (let bit = prefix.length; bit < end.length * 8; bit++) end[bit >> 3]! |= 0x80 >> (bit & 7);
  return {
    protocol: 0,
    startPort: 0,
    endPort: 65535,
    startAddress: formatAddress(prefix.bytes),
    endAddress: formatAddress(end),
  };
}

/** "10.0.0.0/8" or a bare address; undefined when it is neither. */
export function selectorOfText(text: string): TrafficSelector | undefined {
  const prefix = parsePrefix(text);
  return prefix === undefined ? undefined : selectorOfPrefix(prefix);
}

export const ANY_IPV4: TrafficSelector = selectorOfText("0.0.0.0/0")!;
export const ANY_IPV6: TrafficSelector = selectorOfText("::/0")!;
export const ANY_SELECTORS: readonly TrafficSelector[] = [ANY_IPV4, ANY_IPV6];

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** OPAQUE ports: start above end (RFC 7296 §3.13.1). They match only themselves and "any". */
const isOpaque = (s: TrafficSelector): boolean => s.startPort > s.endPort;
const anyPort = (s: TrafficSelector): boolean => s.startPort === 0 && s.endPort === 65535;

export function intersectSelectors(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  // Before anything is parsed: a policy of both families meets proposals of one.
  if (addressFamily(a.startAddress) !== addressFamily(b.startAddress)) return undefined;
  const [aStart, aEnd] = [parseAddress(a.startAddress)!, parseAddress(a.endAddress)!];
  const [bStart, bEnd] = [parseAddress(b.startAddress)!, parseAddress(b.endAddress)!];
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined;
  const start = compare(aStart, bStart) >= 0 ? aStart : bStart;
  const end = compare(aEnd, bEnd) <= 0 ? aEnd : bEnd;
  if (compare(start, end) > 0) return undefined;
  const ports = intersectPorts(a, b);
  if (ports === undefined) return undefined;
  return {
    protocol: a.protocol === 0 ? b.protocol : a.protocol,
    ...ports,
    startAddress: formatAddress(start),
    endAddress: formatAddress(end),
  };
}

function intersectPorts(
  a: TrafficSelector,
  b: TrafficSelector,
): Pick<TrafficSelector, "startPort" | "endPort"> | undefined {
  if (isOpaque(a) || isOpaque(b)) {
    const opaque = isOpaque(a) ? a : b;
    const other = isOpaque(a) ? b : a;
    return isOpaque(other) || anyPort(other)
      ? { startPort: opaque.startPort, endPort: opaque.endPort }
      : undefined;
  }
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  return startPort <= endPort ? { startPort, endPort } : undefined;
}

export const selectorEquals = (a: TrafficSelector, b: TrafficSelector): boolean =>
  a.protocol === b.protocol &&
  a.startPort === b.startPort &&
  a.endPort === b.endPort &&
  a.startAddress === b.startAddress &&
  a.endAddress === b.endAddress;

/** Everything in `inner` lies in `outer`. */
export function selectorContains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  const both = intersectSelectors(outer, inner);
  return both !== undefined && selectorEquals(both, inner);
}

/** What both allow, without repetitions; empty when nothing is left (TS_UNACCEPTABLE). */
export function narrowSelectors(
  policy: readonly TrafficSelector[],
  proposed: readonly TrafficSelector[],
): TrafficSelector[] {
  const found: TrafficSelector[] = [];
  for (const p of proposed)
    for (const own of policy) {
      const both = intersectSelectors(own, p);
      if (both !== undefined && !found.some((f) => selectorContains(f, both))) {
        if (found.length >= SELECTORS_MAX) return found;
        found.push(both);
      }
    }
  return found.filter(
    (f, i) =>
      !found.some(
        (other, j) => j !== i && selectorContains(other, f) && !(selectorEquals(other, f) && j > i),
      ),
  );
}

/** True when every selector of `inner` lies in one of `outer`: the check of a responder's narrowing. */
export const isNarrowed = (inner: readonly TrafficSelector[], outer: readonly TrafficSelector[]): boolean =>
  inner.length > 0 && inner.every((i) => outer.some((o) => selectorContains(o, i)));

/** "10.0.0.0/8", "10.0.0.1..10.0.0.9", "0.0.0.0/0[tcp/443]" (strongSwan's way). */
export function selectorText(s: TrafficSelector): string {
  const start = parseAddress(s.startAddress);
  const end = parseAddress(s.endAddress);
  if (start === undefined || end === undefined) return `${s.startAddress}..${s.endAddress}`;
  const length = prefixLength(start, end);
  const addresses =
    length === undefined ? `${s.startAddress}..${s.endAddress}` : `${s.startAddress}/${length}`;
  if (s.protocol === 0 && anyPort(s)) return addresses;
  const protocol = PROTOCOL_NAMES[s.protocol] ?? String(s.protocol);
  const ports = anyPort(s)
    ? ""
    : isOpaque(s)
      ? "/OPAQUE"
      : `/${s.startPort === s.endPort ? s.startPort : `${s.startPort}-${s.endPort}`}`;
  return `${addresses}[${s.protocol === 0 ? "any" : protocol}${ports}]`;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6" };

export const selectorsText = (selectors: readonly TrafficSelector[]): string =>
  selectors.map(selectorText).join(" ");

function prefixLength(start: Uint8Array, end: Uint8Array): number | undefined {
  let length = 0;
  const bits = start.length * 8;
  const bit = (bytes: Uint8Array, i: number): number => (bytes[i >> 3]! >> (7 - (i & 7))) & 1;
  while (length < bits && bit(start, length) === bit(end, length)) length++;
  for (let i = length; i < bits; i++) if (bit(start, i) !== 0 || bit(end, i) !== 1) return undefined;
  return length;
}
