/**
 * Host routes to BGP neighbours, counted: two seats in one process may have the same neighbour, and its route goes
 * with the last of them. Changes are made in order; failures are told, not thrown.
 */
import type { HostNetwork } from "./host-network.ts";

export type NeighbourWay = "tunnel" | "partner" | "none";

export class NeighbourRoutes {
  readonly #network: HostNetwork;
  readonly #warn: (message: string) => void;
  readonly #users = new Map<string, number>();
  #last: Promise<void> = Promise.resolve();

  constructor(network: HostNetwork, warn: (message: string) => void) {
    this.#network = network;
    this.#warn = warn;
  }

  /** `none` takes back one earlier `tunnel`. */
  set(address: string, way: NeighbourWay): void {
    if (way === "partner") {
      this.#enqueue(() => this.#network.setPartnerNeighbour(address));
      return;
    }
    const before = this.#users.get(address) ?? 0;
    const now = way === "tunnel" ? before + 1 : Math.max(0, before - 1);
    this.#users.set(address, now);
    if (now === 0) this.#users.delete(address);
    if (before === 0 && now === 1) this.#enqueue(() => this.#network.setNeighbour(address, true));
    if (before === 1 && now === 0) this.#enqueue(() => this.#network.setNeighbour(address, false));
  }

  setLastResort(set: readonly string[], remove: readonly string[]): void {
    this.#enqueue(() => this.#network.setLastResort(set, remove));
  }

  /** Resolves when everything asked so far has been done. */
  settled(): Promise<void> {
    return this.#last;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#last = this.#last.then(work).catch((error: unknown) => this.#warn(String(error)));
  }
}
