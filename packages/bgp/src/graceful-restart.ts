/**
 * Reading list: RFC 4724 §3-4. The helper's side, for one peer: its routes stay in use while it restarts.
 *
 *      session ends silently ──▶ routes stale, restart timer ──▶ session back ──▶ End-of-RIB ──▶ stale routes dropped
 *                                       │ expires                    │ F bit clear     │ stale-path timer
 *                                       └──▶ dropped                 └──▶ dropped      └──▶ dropped
 */
import { type Instant, seconds } from "@tandem/sansio";
import type { Family, GracefulRestartConfig, SpeakerConfig } from "./config.ts";
import {
  MAXIMUM_RESTART_TIME_SECONDS,
  RESTART_TIME_SECONDS,
  SELECTION_DEFERRAL_SECONDS,
  STALE_PATH_TIME_SECONDS,
} from "./constants.ts";
import { type Core, FAMILIES } from "./core.ts";
import type { GracefulRestart } from "./message/capability.ts";
import type { AdjRibIn } from "./rib/adj-rib-in.ts";
import type { PeerSessionState } from "./speaker-state.ts";
import { Timer } from "./timer-queue.ts";

export const restartTime = (config: GracefulRestartConfig | undefined): number =>
  Math.min(config?.restartTime ?? RESTART_TIME_SECONDS, MAXIMUM_RESTART_TIME_SECONDS);

/** RFC 4724 §4.1: the bound has to be configurable. */
export const deferralTime = (config: SpeakerConfig): number =>
  config.selectionDeferralTime ?? SELECTION_DEFERRAL_SECONDS;

export class RestartHelper {
  readonly #core: Core;
  readonly #routes: AdjRibIn;
  /** Families with routes that wait to be confirmed. */
  readonly #stale: Set<Family> = new Set();
  /** The stale routes are an adopted speaker's: it is we who restarted, not the peer. */
  #adopted = false;
  #resumed: PeerSessionState | undefined = undefined;
  readonly #restart: Timer;
  readonly #stalePath: Timer;

  constructor(core: Core, routes: AdjRibIn) {
    this.#core = core;
    this.#routes = routes;
    this.#restart = new Timer(() => this.dropAll());
    this.#stalePath = new Timer(() => this.dropAll());
  }

  get holding(): boolean {
    return this.#stale.size > 0;
  }

  /** The session ended. Keeps what the peer's capability lets us keep, drops the rest. */
  sessionEnded(offer: GracefulRestart | undefined, keep: boolean, now: Instant): void {
    const families = keep && offer !== undefined ? offer.families.map((f) => f.family) : [];
    // §4.2: routes that are still stale from an earlier restart go before the others become stale.
    this.dropAll();
    for (const family of FAMILIES) {
      if (families.includes(family)) {
        this.#routes.markStale(family);
        this.#stale.add(family);
      } else {
        this.#routes.flush(family);
      }
    }
    if (this.#stale.size > 0) this.#core.timers.start(this.#restart, now + seconds(offer!.restartTime));
  }

  /** The adopted session, until one of our own is up: what the next adopter is to go on with. */
  get resumed(): PeerSessionState | undefined {
    return this.#resumed;
  }

  /** Routes were adopted from a dead partner: they are stale until their peer confirms them. */
  adopted(state: PeerSessionState, now: Instant): void {
    this.#resumed = state;
    for (const family of state.families) this.#stale.add(family);
    this.#adopted = state.families.length > 0;
    // What the peer would wait for us says little about what we may wait for it: never less than for the others.
    const wait = Math.max(state.restartSeconds, deferralTime(this.#core.config));
    if (this.#adopted) this.#core.timers.start(this.#restart, now + seconds(wait));
  }

  /** The session is back: §4.2, families without the capability or with the F bit clear are dropped at once. */
  sessionUp(
    offer: GracefulRestart | undefined,
    config: GracefulRestartConfig | undefined,
    now: Instant,
  ): void {
    this.#resumed = undefined;
    this.#core.timers.stop(this.#restart);
    for (const family of [...this.#stale]) {
      const kept = this.#adopted || offer?.families.some((f) => f.family === family && f.forwarding);
      if (!kept) this.#drop(family);
    }
    if (this.#stale.size === 0) return;
    // A peer without the capability will never say that it is done: it gets the time that we wait for all of them.
    const bound =
      offer === undefined
        ? deferralTime(this.#core.config)
        : (config?.stalePathTime ?? STALE_PATH_TIME_SECONDS);
    this.#core.timers.start(this.#stalePath, now + seconds(bound));
  }

  endOfRib(family: Family): void {
    if (this.#stale.has(family)) this.#drop(family);
    if (this.#stale.size === 0) this.#core.timers.stop(this.#stalePath);
  }

  dropAll(): void {
    this.#core.timers.stop(this.#restart);
    this.#core.timers.stop(this.#stalePath);
    for (const family of [...this.#stale]) this.#drop(family);
  }

  #drop(family: Family): void {
    this.#stale.delete(family);
    this.#routes.dropStale(family);
  }
}
