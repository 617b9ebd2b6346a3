/**
 * The IKE endpoint of one seat: finds the IKE SA of a datagram, guards IKE_SA_INIT, owns all IKE SAs and tunnels.
 *
 *   datagram ─▶ header ─┬─ IKE_SA_INIT request ─▶ admission gate ─▶ new IkeSa
 *                       ├─ our SPI known ───────▶ IkeSa
 *                       └─ unknown SPI ─────────▶ INVALID_IKE_SPI, rate limited
 *
 * Nothing here grows with the number of IKE SAs except maps and one heap of deadlines.
 */
import { bytesToHex, type CryptoJob, type CryptoResult } from "@tandem/crypto";
import { type Engine, type Instant, type Random, TimerHeap } from "@tandem/sansio";
import { AddressPools } from "./address-pool.ts";
import type { ChildSa } from "./child-sa.ts";
import type { IkeConnection, IkeEndpointOptions } from "./config.ts";
import { FRAGMENT_IP_SIZE, REKEYED_LINGER } from "./constants.ts";
import { Demultiplexer } from "./demultiplexer.ts";
import type { Datagram, DownCause, IkeEffect, IkeInput } from "./events.ts";
import type { ExportedIkeSa } from "./exported-ike-sa.ts";
import { IkeSa, type IkeSaBirth } from "./ike-sa.ts";
import { exportIkeSa, importIkeSa } from "./ike-sa-export.ts";
import { goOnAfterAdoption } from "./ike-sa-failover.ts";
import type { IkeSaHost, Path } from "./ike-sa-host.ts";
import type { DropReason } from "./ike-sa-input.ts";
import { ZERO_SPI } from "./message/header.ts";
import { ReplicationBarrier } from "./replication-barrier.ts";
import { type RetransmitSchedule, retransmitSchedule } from "./retransmit.ts";
import { type IkeTunnelStatus, tunnelStatus } from "./tunnel-status.ts";
import { Tunnels } from "./tunnels.ts";
import { UnknownSpis } from "./unknown-spis.ts";

export class IkeEndpoint implements Engine<IkeInput, IkeEffect>, IkeSaHost {
  readonly random: Random;
  readonly schedule: RetransmitSchedule;
  readonly fragmentIpSize: number;
  readonly unixTimeAtZero: number;
  readonly pools: AddressPools = new AddressPools();
  now: Instant = 0;
  readonly #name: string;
  readonly #replicates: boolean;
  readonly #demultiplexer: Demultiplexer;
  readonly #barrier: ReplicationBarrier = new ReplicationBarrier();
  readonly #tunnels: Tunnels;
  readonly #bySpi: Map<string, IkeSa> = new Map();
  readonly #byChild: Map<string, IkeSa> = new Map();
  readonly #childSpis: Set<number> = new Set();
  readonly #unknownSpis: UnknownSpis = new UnknownSpis();
  readonly #heap: TimerHeap<IkeSa> = new TimerHeap();
  readonly #touched: Set<IkeSa> = new Set();
  /** Changed since the partner was told. */
  readonly #dirty: Set<IkeSa> = new Set();
  readonly #jobs: Map<number, (result: CryptoResult) => void> = new Map();
  #effects: IkeEffect[] = [];
  #polled = 0;
  #grace: { readonly at: Instant; readonly effect: IkeEffect }[] = [];
  #nextJob = 1;
  #nextId = 1;

  constructor(options: IkeEndpointOptions) {
    const limits = options.limits ?? {};
    this.random = options.random;
    this.schedule = retransmitSchedule(limits);
    this.fragmentIpSize = limits.fragmentIpSize ?? FRAGMENT_IP_SIZE;
    this.unixTimeAtZero = options.unixTimeAtZero ?? 0;
    this.#name = options.name ?? "ike";
    this.#replicates = options.replicate === true;
    this.#demultiplexer = new Demultiplexer(this, this.#bySpi, options);
    this.#tunnels = new Tunnels(this);
  }

  // ── the engine ─────────────────────────────────────────────────────────────

  handle(input: IkeInput, now: Instant): void {
    this.now = now;
    this.#take(input);
    this.#settle();
  }

  handleTimeout(now: Instant): void {
    this.now = now;
    while (this.#grace[0] !== undefined && this.#grace[0].at <= now) this.emit(this.#grace.shift()!.effect);
    for (let sa = this.#heap.expire(now); sa !== undefined; sa = this.#heap.expire(now)) {
      if (sa.isForgettable(now)) this.#forget(sa);
      else {
        sa.handleTimeout(now);
        this.touch(sa);
      }
    }
    this.#tunnels.handleTimeout(now);
    this.#settle();
  }

  poll(): IkeEffect | undefined {
    if (this.#polled < this.#effects.length) return this.#effects[this.#polled++];
    if (this.#polled > 0) {
      this.#effects = [];
      this.#polled = 0;
    }
    return undefined;
  }

  nextTimeout(): Instant | undefined {
    const all = [this.#heap.next(), this.#tunnels.nextTimeout(), this.#grace[0]?.at].filter(
      (t) => t !== undefined,
    );
    return all.length === 0 ? undefined : Math.min(...all);
  }

  #take(input: IkeInput): void {
    switch (input.kind) {
      case "datagram": {
        this.#demultiplexer.take(input);
        return;
      }
      case "crypto-result": {
        const done = this.#jobs.get(input.id);
        this.#jobs.delete(input.id);
        done?.(input.result);
        return;
      }
      case "replicated": {
        this.#transmit(this.#barrier.release(input.barrier));
        return;
      }
      case "adopt": {
        this.#adopt(input.ikeSas, input.announce === true);
        return;
      }
      case "esp-received": {
        const sa = this.#byChild.get(input.childSa);
        if (sa === undefined) return;
        sa.heard(this.now);
        const child = sa.children.byId(input.childSa);
        if (child !== undefined) sa.children.inUse(child);
        this.touch(sa);
        return;
      }
      case "esp-unknown-spi": {
        const { remote, spi } = input;
        const sa = this.#tunnels.upTo(remote);
        // Outside of an IKE SA nothing is said: an answer to a stranger helps only the stranger.
        if (sa === undefined || this.#childSpis.has(spi)) return;
        if (!this.#unknownSpis.persists(remote, spi, this.now)) return;
        if (!this.#demultiplexer.gate.mayAnswerError(this.now)) return;
        sa.enqueue({ kind: "invalid-spi", spi });
        return;
      }
      case "endpoint-moved": {
        const sa = this.#byChild.get(input.childSa);
        sa?.follow({ ...sa.path, remote: input.remote, remotePort: input.remotePort });
        return;
      }
      case "child-soft-expired":
      case "child-hard-expired": {
        const sa = this.#byChild.get(input.childSa);
        const child = sa?.children.byId(input.childSa);
        if (sa === undefined || child === undefined) return;
        if (input.kind === "child-soft-expired") sa.children.rekey(child);
        else if (child.state !== "deleting") sa.children.expire(child, input.cause);
        this.touch(sa);
        return;
      }
      default: {
        this.#tunnels.take(input);
        return;
      }
    }
  }

  /** Deadlines of everything that was touched, and datagrams that waited for keys. */
  #settle(): void {
    this.#demultiplexer.replay(this.#touched);
    this.#replicateChanges();
    for (const sa of this.#touched)
      this.#heap.set(sa, this.#bySpi.get(sa.ownSpi) === sa ? sa.nextTimeout() : undefined);
    this.#touched.clear();
  }

  // ── what IKE SAs ask for (IkeSaHost) ───────────────────────────────────────

  touch(sa: IkeSa): void {
    this.#touched.add(sa);
  }

  emit(effect: IkeEffect): void {
    this.#effects.push(effect);
  }

  emitAfterGrace(effect: IkeEffect, now: Instant): void {
    this.#grace.push({ at: now + REKEYED_LINGER, effect });
  }

  submit(job: CryptoJob, done: (result: CryptoResult) => void): () => void {
    const id = this.#nextJob++;
    this.#jobs.set(id, done);
    this.emit({ kind: "crypto-job", id, job });
    return () => this.#jobs.delete(id);
  }

  send(sa: IkeSa, path: Path, payloads: readonly Uint8Array[]): void {
    this.touch(sa);
    const datagrams = payloads.map((payload) => ({ ...path, payload }));
    const state = this.#replicates ? exportIkeSa(sa) : undefined;
    this.#dirty.delete(sa);
    if (state === undefined) this.#transmit(datagrams);
    else this.#replicate(sa, state, datagrams);
  }

  changed(sa: IkeSa): void {
    if (this.#replicates) this.#dirty.add(sa);
  }

  /** What changed after the last datagram that showed it. */
  #replicateChanges(): void {
    for (const sa of this.#dirty) {
      const state = exportIkeSa(sa);
      if (state !== undefined) this.#replicate(sa, state, []);
    }
    this.#dirty.clear();
  }

  #replicate(sa: IkeSa, state: ExportedIkeSa | null, datagrams: readonly Datagram[]): void {
    const barrier = this.#barrier.raise(datagrams);
    this.emit({ kind: "replicate", barrier, ikeSa: sa.id, tunnel: sa.tunnel, state });
  }

  #transmit(datagrams: readonly Datagram[]): void {
    for (const datagram of datagrams) this.emit({ kind: "transmit", ...datagram });
  }

  newIkeSpi(): string {
    let spi = ZERO_SPI;
    while (spi === ZERO_SPI || this.#bySpi.has(spi)) spi = bytesToHex(this.random.bytes(8));
    return spi;
  }

  /** SPIs 0 to 255 are reserved (RFC 4303 §2.1). */
  newChildSpi(): number {
    let spi = 0;
    while (spi < 256 || this.#childSpis.has(spi)) spi = this.random.below(0x1_0000_0000);
    return spi;
  }

  newId(kind: "ike" | "child"): string {
    return `${this.#name}/${kind}-${this.#nextId++}`;
  }

  indexChild(childSa: string, spiIn: number, sa: IkeSa | undefined): void {
    if (sa === undefined) {
      this.#byChild.delete(childSa);
      this.#childSpis.delete(spiIn);
    } else {
      this.#byChild.set(childSa, sa);
      this.#childSpis.add(spiIn);
    }
  }

  candidates(path: Path): readonly IkeConnection[] {
    return this.#tunnels.candidates(path);
  }

  tunnelName(connection: IkeConnection, remoteId: string): string {
    return connection.remote === null ? `${connection.tunnel}/${remoteId}` : connection.tunnel;
  }

  makeIkeSa(birth: IkeSaBirth): IkeSa {
    return new IkeSa(this, birth);
  }

  register(sa: IkeSa): void {
    this.#bySpi.set(sa.ownSpi, sa);
    this.#tunnels.enter(sa);
    this.touch(sa);
  }

  established(sa: IkeSa, _now: Instant, initialContact: boolean): void {
    this.#demultiplexer.leave(sa);
    this.#tunnels.established(sa, initialContact);
  }

  livingChild(sa: IkeSa): ChildSa | undefined {
    return this.#tunnels.livingChild(sa);
  }

  isOnlyContact(sa: IkeSa): boolean {
    return this.#tunnels.isOnlyContact(sa);
  }

  hasSibling(sa: IkeSa): boolean {
    return this.#tunnels.hasSibling(sa);
  }

  reauthenticate(sa: IkeSa): void {
    this.#tunnels.reauthenticate(sa);
  }

  ended(sa: IkeSa, cause: DownCause, reason: string): void {
    this.#demultiplexer.leave(sa);
    this.touch(sa);
    if (this.#replicates && sa.announced) this.#replicate(sa, null, []);
    this.#tunnels.ended(sa, cause, reason);
  }

  #forget(sa: IkeSa): void {
    if (this.#bySpi.get(sa.ownSpi) === sa) this.#bySpi.delete(sa.ownSpi);
  }

  // ── failover, status ───────────────────────────────────────────────────────

  #adopt(values: readonly ExportedIkeSa[], announce: boolean): void {
    for (const value of values) {
      const connection = this.#tunnels.connectionOf(value.template ?? value.tunnel);
      if (connection === undefined) {
        this.emit({
          kind: "log",
          level: "warning",
          tunnel: value.tunnel,
          message: "an IKE SA of an unknown connection was not adopted",
        });
        continue;
      }
      const sa = importIkeSa(this, value, connection);
      this.register(sa);
      goOnAfterAdoption(sa, value, announce);
      if (sa.isUp) this.#tunnels.established(sa, false);
    }
  }

  /** Every IKE SA that is up, with keys. For the partner, and for nobody else. */
  exportIkeSas(): ExportedIkeSa[] {
    return [...this.#bySpi.values()].map(exportIkeSa).filter((value) => value !== undefined);
  }

  /** Every tunnel, those made from templates included. */
  status(now: Instant): IkeTunnelStatus[] {
    return [...this.#tunnels].map((tunnel) => tunnelStatus(tunnel, now));
  }

  get ikeSas(): Iterable<IkeSa> {
    return this.#bySpi.values();
  }

  /** How many datagrams were dropped, by reason. */
  get drops(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#demultiplexer.drops;
  }

  get underPressure(): boolean {
    return this.#demultiplexer.gate.underPressure;
  }

  get answersWithheld(): number {
    return this.#demultiplexer.gate.answersWithheld;
  }

  get halfOpen(): number {
    return this.#demultiplexer.gate.size;
  }
}
