/**
 * The one FIB (DESIGN §4): what static prefixes, BGP, host routes and address pools ask for, merged into the entries
 * of the data plane. A change touches its own prefixes only.
 *
 *      static (connection's prefixes, only while the tunnel is up) ─┐
 *      host routes of BGP neighbours                               ─┼─▶ per prefix: the strongest source ─▶ `fib` command
 *      pools (virtual addresses of clients)                        ─┤
 *      bgp (per seat; the speaker knows which tunnels are up)      ─┘
 *
 * Equal sources of one prefix join: two tunnels with the same static prefix are an equal-cost set.
 */
import type { FibEntry } from "../dataplane/commands.ts";

/** Strongest first. A static prefix of an LNG stands besides the learned ones and wins (azure-vpn-gateway §3). */
const STRENGTH: readonly FibEntry["source"][] = ["pool", "host-route", "static", "bgp"];

interface Claim {
  readonly source: FibEntry["source"] | "inside";
  readonly tunnels: readonly string[];
}

export interface FibChange {
  readonly set: readonly FibEntry[];
  readonly remove: readonly string[];
}

export class FibTable {
  /** prefix -> claimant -> claim. A claimant is a tunnel and source, or a seat's speaker. */
  readonly #claims = new Map<string, Map<string, Claim>>();
  readonly #installed = new Map<string, string>();
  readonly #dirty = new Set<string>();
  /** claimant -> its prefixes, so that a tunnel that goes down takes only its own with it. */
  readonly #byClaimant = new Map<string, Set<string>>();

  /**
   * What is behind the inside link or this host itself: our own prefixes and addresses. Beats every tunnel, so that a
   * wider route (a default route learned from a peer) never sends back what came out of a tunnel for us.
   */
  claimInside(claimant: string, prefix: string): void {
    this.#set(claimant, prefix, { source: "inside", tunnels: [] });
  }

  /** Replaces the claim of one claimant on one prefix. An empty set of tunnels withdraws it. */
  claim(claimant: string, source: FibEntry["source"], prefix: string, tunnels: readonly string[]): void {
    if (tunnels.length === 0) {
      this.withdraw(claimant, prefix);
      return;
    }
    this.#set(claimant, prefix, { source, tunnels });
  }

  #set(claimant: string, prefix: string, claim: Claim): void {
    let claims = this.#claims.get(prefix);
    if (claims === undefined) {
      claims = new Map();
      this.#claims.set(prefix, claims);
    }
    claims.set(claimant, claim);
    let prefixes = this.#byClaimant.get(claimant);
    if (prefixes === undefined) {
      prefixes = new Set();
      this.#byClaimant.set(claimant, prefixes);
    }
    prefixes.add(prefix);
    this.#dirty.add(prefix);
  }

  withdraw(claimant: string, prefix: string): void {
    const claims = this.#claims.get(prefix);
    if (claims?.delete(claimant) !== true) return;
    if (claims.size === 0) this.#claims.delete(prefix);
    const prefixes = this.#byClaimant.get(claimant);
    prefixes?.delete(prefix);
    if (prefixes?.size === 0) this.#byClaimant.delete(claimant);
    this.#dirty.add(prefix);
  }

  withdrawAll(claimant: string): void {
    for (const prefix of [...(this.#byClaimant.get(claimant) ?? [])]) this.withdraw(claimant, prefix);
  }

  /** What changed since the last call, or undefined when nothing did. */
  takeChange(): FibChange | undefined {
    const set: FibEntry[] = [];
    const remove: string[] = [];
    for (const prefix of this.#dirty) {
      const entry = this.#entry(prefix);
      if (entry === undefined) {
        if (this.#installed.delete(prefix)) remove.push(prefix);
        continue;
      }
      const key = `${entry.source} ${entry.tunnels.join(" ")}`;
      if (this.#installed.get(prefix) === key) continue;
      this.#installed.set(prefix, key);
      set.push(entry);
    }
    this.#dirty.clear();
    return set.length === 0 && remove.length === 0 ? undefined : { set, remove };
  }

  has(prefix: string): boolean {
    return this.#claims.has(prefix);
  }

  /** Every entry, for `routes`. */
  list(): FibEntry[] {
    return [...this.#claims.keys()].flatMap((prefix) => this.#entry(prefix) ?? []);
  }

  #entry(prefix: string): FibEntry | undefined {
    const claims = this.#claims.get(prefix);
    if (claims === undefined) return undefined;
    for (const claim of claims.values()) {
      // No tunnels: the kernel delivers it (dataplane/route-table.ts).
      if (claim.source === "inside") return { prefix, source: "static", tunnels: [] };
    }
    for (const source of STRENGTH) {
      const tunnels = new Set<string>();
      for (const claim of claims.values()) {
        if (claim.source === source) for (const tunnel of claim.tunnels) tunnels.add(tunnel);
      }
      if (tunnels.size > 0) return { prefix, source, tunnels: [...tunnels].sort() };
    }
    return undefined;
  }
}
