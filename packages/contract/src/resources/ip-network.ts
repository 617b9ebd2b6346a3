/**
 * Arithmetic on addresses and prefixes, for rules and the compiler. `contract` imports no other package, so this
 * stands beside `wire`'s byte-shaped twin; nothing here is on a hot path.
 */

export interface Ip {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Network {
  readonly family: 4 | 6;
  /** The address as written; `first` has the host bits cleared. */
  readonly address: bigint;
  readonly first: bigint;
  readonly last: bigint;
  readonly length: number;
}

const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

export function parseIp(text: string): Ip | undefined {
  if (text.includes(":")) {
    const value = parseSix(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const value = parseFour(text);
  return value === undefined ? undefined : { family: 4, value };
}

function parseFour(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

/** RFC 4291 §2.2, with an IPv4 tail. */
function parseSix(text: string): bigint | undefined {
  let source = text;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail !== null) {
    const four = parseFour(tail[2]!);
    if (four === undefined) return undefined;
    source = `${tail[1]}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === "" ? [] : half.split(":"));
  const head = groups(halves[0]!);
  const rest = halves.length === 2 ? groups(halves[1]!) : [];
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...head, ...new Array<string>(halves.length === 2 ? missing : 0).fill("0"), ...rest]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

export function formatIp(ip: Ip): string {
  if (ip.family === 4) return [24n, 16n, 8n, 0n].map((s) => String((ip.value >> s) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => Number((ip.value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = groups.map((g) => g.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

export const canonicalIp = (text: string): string | undefined => {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
};

/** Reads "10.0.0.0/8"; a bare address is no network. Host bits may be set (`address` keeps them). */
export function parseNetwork(text: string): Network | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const ip = parseIp(match[1]!);
  const length = Number(match[2]);
  if (ip === undefined || length > bitsOf(ip.family)) return undefined;
  const hostBits = BigInt(bitsOf(ip.family) - length);
  const first = (ip.value >> hostBits) << hostBits;
  return { family: ip.family, address: ip.value, first, last: first + (1n << hostBits) - 1n, length };
}

export const formatNetwork = (n: Network): string =>
  `${formatIp({ family: n.family, value: n.first })}/${n.length}`;

export const networkContains = (outer: Network, inner: Network): boolean =>
  outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;

export const networkContainsIp = (network: Network, ip: Ip): boolean =>
  network.family === ip.family && network.first <= ip.value && ip.value <= network.last;

export const networksOverlap = (a: Network, b: Network): boolean =>
  networkContains(a, b) || networkContains(b, a);

/** The n-th address, counted from the start of the network. */
export const addressAt = (network: Network, n: number): string =>
  formatIp({ family: network.family, value: network.first + BigInt(n) });

/** The n-th address before the end (0: the last one, which is IPv4's broadcast address). */
export const addressFromEnd = (network: Network, n: number): string =>
  formatIp({ family: network.family, value: network.last - BigInt(n) });

export const hostNetwork = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;

export const familyOf = (text: string): 4 | 6 => (text.includes(":") ? 6 : 4);
