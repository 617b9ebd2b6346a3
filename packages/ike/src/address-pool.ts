/** Virtual addresses for clients (RFC 7296 §2.19, §3.15): one pool per connection, each identity gets its last address again. */
import { formatAddress, type Prefix, parsePrefix } from "@tandem/wire";

/**
 * Addresses that were never given go first, then the one that was given back longest ago: a client that comes again
 * finds its last address free for as long as can be. Each costs a step or two, however many are in use.
 */
class AddressPool {
  readonly #prefixes: readonly Prefix[];
  /** Per prefix: offset of the first address that was never looked at. */
  readonly #untried: number[];
  readonly #owners: Map<string, string> = new Map();
  readonly #last: Map<string, string> = new Map();
  readonly #givenBack = { 4: new GivenBack(), 6: new GivenBack() };

  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes.map(parsePrefix).filter((p) => p !== undefined);
    // The first address is the network's.
    this.#untried = this.#prefixes.map((prefix) => (hostBits(prefix) === 0 ? 0 : 1));
  }

  /** A free address of the family, the owner's previous or wished one if it can be had. */
  take(owner: string, family: 4 | 6, wish?: string): string | undefined {
    const previous = this.#last.get(`${family} ${owner}`);
    for (const candidate of [previous, wish])
      if (candidate !== undefined && this.#contains(candidate) && this.#isFree(candidate, owner))
        return this.#give(owner, family, candidate);
    const address = this.#takeUntried(family) ?? this.#givenBack[family].take((a) => !this.#owners.has(a));
    return address === undefined ? undefined : this.#give(owner, family, address);
  }

  #takeUntried(family: 4 | 6): string | undefined {
    for (const [i, prefix] of this.#prefixes.entries()) {
      if (prefix.family !== family) continue;
      const bits = hostBits(prefix);
      const size = 2 ** Math.min(bits, 24);
      // In IPv4 the last address is the network's broadcast.
      const end = family === 4 && bits > 1 ? size - 1 : size;
      while (this.#untried[i]! < end) {
        const address = formatAddress(addOffset(prefix.bytes, this.#untried[i]!++));
        // Wished for, or adopted, by somebody before its turn came.
        if (!this.#owners.has(address)) return address;
      }
    }
    return undefined;
  }

  release(address: string): void {
    if (this.#owners.delete(address)) this.#givenBack[familyOf(address)].add(address);
  }

  /** Marks an address as given, on adoption from the partner. */
  claim(owner: string, address: string): void {
    this.#give(owner, familyOf(address), address);
  }

  #give(owner: string, family: 4 | 6, address: string): string {
    this.#owners.set(address, owner);
    this.#last.set(`${family} ${owner}`, address);
    return address;
  }

  #isFree(address: string, owner: string): boolean {
    const holder = this.#owners.get(address);
    return holder === undefined || holder === owner;
  }

  #contains(address: string): boolean {
    const host = parsePrefix(address);
    return (
      host !== undefined &&
      this.#prefixes.some(
        (p) => p.family === host.family && parsePrefix(`${address}/${p.length}`)?.text === p.text,
      )
    );
  }
}

/** First in, first out, each address once. (A Set would do, but for V8: the front of one that is eaten from there is slow.) */
class GivenBack {
  readonly #present: Set<string> = new Set();
  #queue: string[] = [];
  #head = 0;

  add(address: string): void {
    if (this.#present.has(address)) return;
    this.#present.add(address);
    this.#queue.push(address);
  }

  /** Those that are in use again, because their owner came back, are left out. */
  take(isFree: (address: string) => boolean): string | undefined {
    while (this.#head < this.#queue.length) {
      const address = this.#queue[this.#head++]!;
      this.#present.delete(address);
      if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      if (isFree(address)) return address;
    }
    return undefined;
  }
}

const hostBits = (prefix: Prefix): number => prefix.bytes.length * 8 - prefix.length;
const familyOf = (address: string): 4 | 6 => (address.includes(":") ? 6 : 4);

function addOffset(bytes: Uint8Array, offset: number): Uint8Array {
  const out = bytes.slice();
  let carry = offset;
  for (let i = out.length - 1; i >= 0 && carry > 0; i--) {
    carry += out[i]!;
    out[i] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return out;
}

/** The pools of an endpoint, by connection tunnel. */
export class AddressPools {
  readonly #pools: Map<string, { readonly prefixes: string; readonly pool: AddressPool }> = new Map();

  of(tunnel: string, prefixes: readonly string[]): AddressPool {
    const key = prefixes.join(" ");
    const known = this.#pools.get(tunnel);
    if (known !== undefined && known.prefixes === key) return known.pool;
    const pool = new AddressPool(prefixes);
    this.#pools.set(tunnel, { prefixes: key, pool });
    return pool;
  }
}

export type { AddressPool };
