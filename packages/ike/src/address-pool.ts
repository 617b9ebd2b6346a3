/** Virtual addresses for clients (RFC 7296 §2.19, §3.15): one pool per connection, each identity gets its last address again. */
import { formatAddress, type Prefix, parsePrefix } from "@tandem/wire";

class AddressPool {
  readonly #prefixes: readonly Prefix[];
  readonly #owners: Map<string, string> = new Map();
  readonly #last: Map<string, string> = new Map();

  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes.map(parsePrefix).filter((p) => p !== undefined);
  }

  /** A free address of the family, the owner's previous or wished one if it can be had. */
  take(owner: string, family: 4 | 6, wish?: string): string | undefined {
    const previous = this.#last.get(`${family} ${owner}`);
    for (const candidate of [previous, wish])
      if (candidate !== undefined && this.#contains(candidate) && this.#isFree(candidate, owner))
        return this.#give(owner, family, candidate);
    for (const prefix of this.#prefixes) {
      if (prefix.family !== family) continue;
      const bits = prefix.bytes.length * 8 - prefix.length;
      // The first address is the network's; in IPv4 the last is its broadcast.
      const size = 2 ** Math.min(bits, 24);
      const first = bits === 0 ? 0 : 1;
      const end = family === 4 && bits > 1 ? size - 1 : size;
      for (let i = first; i < end; i++) {
        const address = formatAddress(addOffset(prefix.bytes, i));
        if (this.#isFree(address, owner)) return this.#give(owner, family, address);
      }
    }
    return undefined;
  }

  release(address: string): void {
    this.#owners.delete(address);
  }

  /** Marks an address as given, on adoption from the partner. */
  claim(owner: string, address: string): void {
    this.#give(owner, address.includes(":") ? 6 : 4, address);
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
