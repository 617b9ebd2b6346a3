import type { Engine, Instant, Random } from "@tandem/sansio";
import type { SpeakerConfig } from "./config.ts";
import type { BgpEffect, BgpInput, TransportOptions } from "./events.ts";
import type { SpeakerState } from "./speaker-state.ts";
import type { ApiBgpPeerStatus, GatewayRoute, PeerStatus, RouteQuery, Why } from "./status.ts";

/** One BGP speaker: peers and RIBs as one engine. */
export class BgpSpeaker implements Engine<BgpInput, BgpEffect> {
  readonly config: SpeakerConfig;
  readonly #random: Random;
  readonly #effects: BgpEffect[] = [];

  constructor(config: SpeakerConfig, random: Random) {
    this.config = config;
    this.#random = random;
  }

  handle(_input: BgpInput, _now: Instant): void {
    this.#random.below(2);
  }

  handleTimeout(_now: Instant): void {}

  poll(): BgpEffect | undefined {
    return this.#effects.shift();
  }

  /** Equal to the last `now` when work was cut into slices and more is waiting. */
  nextTimeout(): Instant | undefined {
    return undefined;
  }

  /** What a socket to or from this peer needs; undefined when the address is no peer's. */
  transportOptions(_neighbor: string): TransportOptions | undefined {
    return undefined;
  }

  peers(_now: Instant): PeerStatus[] {
    return [];
  }

  apiPeers(_now: Instant): ApiBgpPeerStatus[] {
    return [];
  }

  /** Every path that is held, best first per prefix: `getLearnedRoutes`. */
  learnedRoutes(_query: RouteQuery): GatewayRoute[] {
    return [];
  }

  /** What a peer was told: `getAdvertisedRoutes`. */
  advertisedRoutes(_query: RouteQuery & { readonly peer: string }): GatewayRoute[] {
    return [];
  }

  why(_prefix: string): Why | undefined {
    return undefined;
  }

  exportState(): SpeakerState {
    return { peers: [], routes: [] };
  }
}
