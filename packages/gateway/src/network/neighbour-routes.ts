/**
 * Host routes to BGP neighbours, counted: two seats in one process may have the same neighbour, and its route goes
 * with the last of them. A change that fails is told, not thrown: BGP goes on trying, and people read the log.
 */
import type { HostNetwork } from "./host-network.ts";

export type NeighbourWay = "tunnel" | "partner" | "none";

export class NeighbourRoutes {
  readonly #network: HostNetwork;
  readonly #warn: (message: string) => void;
  readonly #users = new Map<string, number>();

  constructor(network: HostNetwork, warn: (message: string) => void) {
    this.#network = network;
    this.#warn = warn;
  }

  /** `none` takes back one earlier `tunnel`. */
  set(address: string, way: NeighbourWay): void {
    if (way === "partner") {
      this.#guard(() => this.#network.setPartnerNeighbour(address));
      return;
    }
    const before = this.#users.get(address) ?? 0;
    const now = way === "tunnel" ? before + 1 : Math.max(0, before - 1);
    this.#users.set(address, now);
    if (now === 0) this.#users.delete(address);
    if (before === 0 && now === 1) this.#guard(() => this.#network.setNeighbour(address, true));
    if (before === 1 && now === 0) this.#guard(() => this.#network.setNeighbour(address, false));
  }

  setLastResort(set: readonly string[], remove: readonly string[]): void {
    this.#guard(() => this.#network.setLastResort(set, remove));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : String(error));
    }
  }
}
