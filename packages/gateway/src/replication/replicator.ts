/**
 * Replication of the seats of this process to the partner, and what the partner replicated here (profile `hitless`).
 *
 *      Seat ── IKE SA, sequence block (awaited) ─▶ ┌────────────┐
 *      data plane ── live state, every 25 ms ────▶ │ Replicator │ ══▶ partner's Replicator ─▶ ReplicaStore
 *      BGP ── speaker state, when it changed ────▶ └────────────┘                              └▶ take() at adoption
 */
import type { SpeakerState } from "@tandem/bgp";
import type { InstanceConfig } from "@tandem/contract";
import type { ChildSaLiveState } from "@tandem/esp";
import type { ExportedIkeSa } from "@tandem/ike";
import type { Clock } from "../driver/engine-driver.ts";
import type { SeatReplication } from "../seat/seat-context.ts";
import { type AdoptedState, adoptedState } from "./adoption.ts";
import { Exposure } from "./exposure.ts";
import { PartnerLink, type PartnerLinkOptions } from "./partner-link.ts";
import { keysOf, ReplicaStore, type ReplicaUpdate } from "./replica-store.ts";

/** Milliseconds between two copies of replay windows and counters. */
const LIVE_INTERVAL = 25;
/** Milliseconds at least between two copies of a speaker's state: it holds its routes. */
const BGP_INTERVAL = 500;

/** What is replicated of a hosted seat. */
export interface ReplicatedSeat {
  readonly config: { readonly name: string; readonly epoch: number };
  exportIkeSas(): readonly ExportedIkeSa[];
  /** Child SA and the limit of its reserved sequence numbers. */
  reservations(): readonly (readonly [string, number])[];
  childSaIds(): readonly string[];
  /** `takeState` gives undefined when nothing has changed since the last call. */
  readonly bgp: { takeState(): SpeakerState | undefined; exportState(): SpeakerState } | undefined;
}

export interface ReplicatorOptions {
  readonly instance: string;
  readonly partner: NonNullable<InstanceConfig["partner"]>;
  readonly clock: Clock;
  readonly wallClock: () => number;
  seats(): readonly ReplicatedSeat[];
  exportChildSa(childSa: string): Promise<ChildSaLiveState | undefined>;
  /** Child SAs of a seat that carried packets since the last call. Absent: every one is told in every interval. */
  touchedChildSas?(seat: string): Promise<readonly string[]>;
  onSuperseded(seat: string, epoch: number): void;
  onState(up: boolean, reason: string): void;
  /** This process of the partner may not have the tunnel's keys: fresh ones are wanted, so that it can adopt them. */
  renewKeys(seat: string, tunnel: string): void;
  /** Another link than TCP, for tests. */
  readonly makeLink?: (options: PartnerLinkOptions) => ReplicationLink;
}

export type ReplicationLink = Pick<
  PartnerLink,
  "up" | "partnerProcess" | "start" | "stop" | "replicate" | "tell"
>;

export interface Adoption extends AdoptedState {
  readonly bgp: SpeakerState | undefined;
  /** Milliseconds since the last word of the owner. */
  readonly age: number;
}

export class Replicator implements SeatReplication {
  readonly #options: ReplicatorOptions;
  readonly #store: ReplicaStore;
  readonly #exposure = new Exposure();
  readonly #link: ReplicationLink;
  /** Seat -> Child SAs whose live state is told again though they may be idle: their IKE SA was told (see `ikeSa`). */
  readonly #again = new Map<string, Set<string>>();
  /** Seats of which the partner has no live state: a snapshot was made. */
  readonly #whole = new Set<string>();
  #cancel: (() => void)[] = [];

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.#store = new ReplicaStore(options.wallClock);
    const { partner } = options;
    const makeLink = options.makeLink ?? ((own) => new PartnerLink(own));
    this.#link = makeLink({
      name: options.instance,
      partner: partner.name,
      localAddress: partner.localAddress,
      address: partner.address,
      port: partner.port,
      key: Buffer.from(partner.key, "hex"),
      snapshots: () => options.seats().map((seat) => this.#snapshot(seat)),
      onUpdate: (update) => this.#store.apply(update),
      ownEpoch: (seat) => options.seats().find((own) => own.config.name === seat)?.config.epoch,
      onSuperseded: options.onSuperseded,
      onState: (up, reason) => {
        options.onState(up, reason);
        if (up) this.#renewKeys();
      },
    });
  }

  get up(): boolean {
    return this.#link.up;
  }

  start(): void {
    this.#link.start();
    this.#every(LIVE_INTERVAL, () => this.#tellLive());
    this.#every(BGP_INTERVAL, () => this.#tellBgp());
  }

  stop(): void {
    for (const cancel of this.#cancel) cancel();
    this.#link.stop();
  }

  async ikeSa(seat: string, ikeSa: string, state: ExportedIkeSa | null): Promise<void> {
    const keys = state === null ? [] : keysOf(state);
    // While an IKE SA is rekeyed its Child SAs belong to neither, and the partner forgets their live state.
    const again = this.#again.get(seat) ?? new Set();
    for (const { childSa } of state?.children ?? []) again.add(childSa);
    this.#again.set(seat, again);
    await this.#replicate(seat, keys, (epoch) => ({ kind: "ike-sa", seat, epoch, ikeSa, state }));
  }

  sequence(seat: string, childSa: string, reservedUpTo: number): Promise<boolean> {
    return this.#replicate(seat, [childSa], (epoch) => ({
      kind: "sequence",
      seat,
      epoch,
      childSa,
      reservedUpTo,
    }));
  }

  /** A seat was taken while the partner is connected: it is told the whole. */
  announce(name: string): void {
    const seat = this.#options.seats().find((own) => own.config.name === name);
    if (seat !== undefined) this.#link.tell(this.#snapshot(seat));
  }

  /** The seat was given up in order: nothing of it may be adopted. */
  async gone(seat: string, epoch: number): Promise<void> {
    await this.#link.replicate({ kind: "gone", seat, epoch });
  }

  /** The last replay windows of a seat that is handed over in order. Resolves when the partner has them, or is not there. */
  async tellFinal(name: string): Promise<void> {
    const seat = this.#options.seats().find((own) => own.config.name === name);
    if (seat === undefined || !this.#link.up) return;
    const states = await this.#exportLive(seat);
    await this.#link.replicate({ kind: "final", seat: name, epoch: seat.config.epoch, states });
  }

  takeFinal(seat: string): readonly ChildSaLiveState[] {
    return this.#store.takeFinal(seat);
  }

  /** What the partner replicated of a seat, to go on with in `epoch`; it is forgotten here with that. */
  take(seat: string, epoch: number): Adoption | undefined {
    const replica = this.#store.take(seat, epoch);
    if (replica === undefined || replica.ikeSas.size === 0) return undefined;
    return { ...adoptedState(replica), bgp: replica.bgp, age: this.#options.wallClock() - replica.heardAt };
  }

  /** For status: what is held of the partner's seats. */
  holds(seat: string): boolean {
    return (this.#store.get(seat)?.ikeSas.size ?? 0) > 0;
  }

  /** False, and nothing is said, when there is no partner or when it must not have one of the keys. */
  #replicate(
    seat: string,
    keys: readonly string[],
    update: (epoch: number) => ReplicaUpdate,
  ): Promise<boolean> {
    const own = this.#options.seats().find((one) => one.config.name === seat);
    const process = this.#link.partnerProcess;
    if (own === undefined || process === undefined) return Promise.resolve(false);
    const { epoch } = own.config;
    if (!this.#exposure.show(seat, epoch, keys, process)) return Promise.resolve(false);
    return this.#link.replicate(update(epoch));
  }

  /** IKE SAs of which the partner that is connected may have every key. */
  #shown(seat: ReplicatedSeat): readonly ExportedIkeSa[] {
    const process = this.#link.partnerProcess;
    const { name, epoch } = seat.config;
    if (process === undefined) return [];
    return seat.exportIkeSas().filter((ikeSa) => this.#exposure.show(name, epoch, keysOf(ikeSa), process));
  }

  #renewKeys(): void {
    for (const seat of this.#options.seats()) {
      const shown = new Set(this.#shown(seat).map((ikeSa) => ikeSa.ikeSa));
      const withheld = seat.exportIkeSas().filter((ikeSa) => !shown.has(ikeSa.ikeSa));
      for (const tunnel of new Set(withheld.map((ikeSa) => ikeSa.tunnel))) {
        this.#options.renewKeys(seat.config.name, tunnel);
      }
    }
  }

  #snapshot(seat: ReplicatedSeat): ReplicaUpdate {
    const keys = new Set([...seat.exportIkeSas().flatMap(keysOf), ...seat.childSaIds()]);
    this.#exposure.retain(seat.config.name, keys);
    this.#whole.add(seat.config.name);
    return {
      kind: "snapshot",
      seat: seat.config.name,
      epoch: seat.config.epoch,
      ikeSas: this.#shown(seat),
      reserved: seat.reservations(),
      bgp: seat.bgp?.exportState(),
    };
  }

  async #tellLive(): Promise<void> {
    if (!this.#link.up) return;
    for (const seat of this.#options.seats()) {
      const { name, epoch } = seat.config;
      const states = await this.#exportLive(seat, await this.#changed(seat));
      if (states.length > 0) this.#link.tell({ kind: "live", seat: name, epoch, states });
    }
  }

  /** What the partner does not know: no walk over idle ones. */
  async #changed(seat: ReplicatedSeat): Promise<readonly string[]> {
    const { name } = seat.config;
    const again = this.#again.get(name) ?? [];
    this.#again.delete(name);
    const whole = this.#whole.delete(name);
    const touched = await this.#options.touchedChildSas?.(name);
    return touched === undefined || whole ? seat.childSaIds() : [...new Set([...again, ...touched])];
  }

  async #exportLive(seat: ReplicatedSeat, ids = seat.childSaIds()): Promise<ChildSaLiveState[]> {
    const exported = await Promise.all(ids.map((id) => this.#options.exportChildSa(id)));
    return exported.filter((state) => state !== undefined);
  }

  #tellBgp(): void {
    if (!this.#link.up) return;
    for (const seat of this.#options.seats()) {
      const state = seat.bgp?.takeState();
      const { name, epoch } = seat.config;
      if (state !== undefined) this.#link.tell({ kind: "bgp", seat: name, epoch, state });
    }
  }

  /** The next round is planned when the last one is over. */
  #every(interval: number, work: () => Promise<void> | void): void {
    let stopped = false;
    let cancel = (): void => {};
    const plan = (): void => {
      cancel = this.#options.clock.after(interval, () => {
        Promise.resolve(work()).finally(() => {
          if (!stopped) plan();
        });
      });
    };
    plan();
    this.#cancel.push(() => {
      stopped = true;
      cancel();
    });
  }
}
