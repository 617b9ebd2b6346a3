/**
 * A pair in a model world with virtual time, for the safety of ownership. The pair engine and the fabric's seat table are
 * the real ones; processes, channels and the replication contract (DESIGN §3) are modelled.
 *
 *      supervisor (PairEngine) ══ ordered channels with random delay ══ instances, fabric agent
 *      instances: running, stopped, dead; a stopped one reads its messages when it wakes
 *      replication: reservations of sequence numbers, shown to one process of the partner, acknowledged by it or not;
 *               replay windows, copied every 25 ms and at the end of a hand-over in order (replay-model.ts)
 *      packets: (seat, key, sequence number), sent by whoever thinks that it holds the seat; may be late; the fabric
 *               passes those of the owner's port
 *      the peer: sends to whoever the fabric says; all that it has ever sent is sent again by somebody who kept it
 */
import { type Instant, type Random, seededRandom } from "@tandem/sansio";
import { SeatTable } from "../../src/fabric/seat-table.ts";
import type { PairConfig } from "../../src/pair/pair-config.ts";
import { PairEngine } from "../../src/pair/pair-engine.ts";
import type { PairCommand, PairEffect, PairInput } from "../../src/pair/pair-events.ts";
import { Deliveries, LIVE_INTERVAL, type PeerPacket, type Receiver, SeenNumbers } from "./replay-model.ts";

/** The reservation ahead, and what an owner without a partner may use beyond the last acknowledged one. */
const BLOCK = 8;
const MARGIN = 16;
/** As handover.ts has it. */
const LONGEST_HOLD = 500;
/** What somebody on the wire keeps, and sends again. */
const KEPT = 60;

/** Rules that a test takes away, to show that the simulation notices. */
export type Fault = "window not copied" | "last copy not made";

interface Hosted {
  epoch: number;
  key: number;
  next: number;
  /** Highest number whose reservation the partner has acknowledged (or that the margin at adoption covers). */
  acknowledged: number;
  /** The partner's process that has been shown the key. A later one cannot know what an earlier one did with it. */
  shownTo: number;
  receiver: Receiver;
  /** What came while it was held. */
  readonly waiting: PeerPacket[];
  /** The last word of the earlier owner. */
  lastWord: SeenNumbers | undefined;
}

interface Replica {
  readonly epoch: number;
  readonly key: number;
  readonly reserved: number;
  readonly receiver: Receiver;
  readonly window: SeenNumbers;
  readonly copiedAt: Instant;
}

interface ModelInstance {
  readonly name: string;
  state: "running" | "stopped" | "dead";
  pid: number;
  readonly hosted: Map<string, Hosted>;
  readonly replicas: Map<string, Replica>;
  /** Key -> the epoch in which this process took it from a replica: it holds it no more for an older owner. */
  readonly used: Map<number, number>;
  /** Highest epoch heard per seat. */
  readonly epochs: Map<string, number>;
  readonly inbox: (() => void)[];
}

export interface Violation {
  readonly what: string;
}

export class World {
  readonly config: PairConfig;
  readonly random: Random;
  readonly violations: Violation[] = [];
  /** seat -> instances whose packets have passed, per epoch of the fabric. */
  readonly passed = new Map<string, Map<number, Set<string>>>();
  readonly log: string[] = [];
  readonly deliveries = new Deliveries();
  now: Instant = 0;
  readonly instances: ReadonlyMap<string, ModelInstance>;
  #engine: PairEngine | undefined;
  /** Bumped at each restart of the supervisor: answers to an earlier one are lost. */
  #supervisorRun = 0;
  #fabricUp = true;
  #partnerLink = true;
  readonly #controlCut = new Set<string>();
  readonly #table: SeatTable;
  readonly #queue: { readonly at: Instant; readonly order: number; readonly run: () => void }[] = [];
  readonly #channelFree = new Map<string, Instant>();
  readonly #nonces = new Set<string>();
  readonly #remembered = new Map<string, number>();
  readonly #answers = new Map<number, { ok: boolean; message: string }>();
  #order = 0;
  #nextKey = 1;
  #nextPid = 100;
  #nextCommand = 1;
  /** epoch -> owner, per seat: an epoch belongs to one owner for ever. */
  readonly #ownerOfEpoch = new Map<string, string>();
  readonly #faults: ReadonlySet<Fault>;
  /** seat -> the peer's latest packets, by whoever keeps them. */
  readonly #kept = new Map<string, PeerPacket[]>();
  readonly #peerNext = new Map<number, number>();
  #copyAt: Instant = 0;

  constructor(config: PairConfig, seed: number, faults: readonly Fault[] = []) {
    this.config = config;
    this.#faults = new Set(faults);
    this.random = seededRandom(seed);
    this.instances = new Map(
      config.instances.map((name) => [
        name,
        {
          name,
          state: "dead",
          pid: 0,
          hosted: new Map(),
          replicas: new Map(),
          used: new Map(),
          epochs: new Map(),
          inbox: [],
        },
      ]),
    );
    this.#table = new SeatTable(
      new Map(config.seats.map((s) => [s.name, { owner: s.home, epoch: 1, drained: false }])),
      new Map(config.seats.map((s) => [s.name, new Set(config.instances)])),
    );
    for (const s of config.seats) this.#ownerOfEpoch.set(`${s.name} 1`, s.home);
    for (const name of config.instances) this.start(name);
    for (const s of config.seats) this.#host(this.instances.get(s.home)!, s.name, 1, "fresh");
    this.startSupervisor();
  }

  // ── what a test does to the world ─────────────────────────────────────────────────────────────────────────────────

  kill(name: string): void {
    const i = this.instances.get(name)!;
    if (i.state === "dead") return;
    const pid = i.pid;
    Object.assign(i, { state: "dead", pid: 0 });
    i.hosted.clear();
    i.replicas.clear();
    i.used.clear();
    i.epochs.clear();
    i.inbox.length = 0;
    this.#later(2, () =>
      this.#tell({ kind: "instance-down", instance: name, cause: "exit", message: `${pid} ended` }),
    );
  }

  pause(name: string): void {
    const i = this.instances.get(name)!;
    if (i.state !== "running") return;
    i.state = "stopped";
    const pid = i.pid;
    this.#later(500, () => {
      if (i.state === "stopped" && i.pid === pid) {
        this.#tell({ kind: "instance-down", instance: name, cause: "silent", message: "silent" });
      }
    });
  }

  wake(name: string): void {
    const i = this.instances.get(name)!;
    if (i.state !== "stopped") return;
    i.state = "running";
    // It may send before it reads what has come meanwhile.
    this.send(name);
    for (const message of i.inbox.splice(0)) this.#later(this.random.below(5), message);
    this.#later(50, () => this.#ping(i));
  }

  start(name: string): void {
    const i = this.instances.get(name)!;
    if (i.state !== "dead") return;
    Object.assign(i, { state: "running", pid: this.#nextPid++ });
    this.#later(300, () => this.#ping(i));
  }

  killSupervisor(): void {
    this.#engine = undefined;
    this.#supervisorRun++;
  }

  startSupervisor(): void {
    if (this.#engine !== undefined) return;
    this.#supervisorRun++;
    this.#engine = new PairEngine(this.config, this.now);
    // The state file may or may not have the last epochs: the fabric must be enough.
    if (this.random.below(2) === 0) {
      this.#tell({
        kind: "remembered",
        seats: [...this.#remembered].map(([name, epoch]) => ({ name, epoch })),
      });
    }
    this.#askFabric();
    for (const i of this.instances.values()) this.#later(20 + this.random.below(100), () => this.#ping(i));
  }

  setFabric(up: boolean): void {
    if (this.#fabricUp === up) return;
    this.#fabricUp = up;
    if (up) this.#later(100, () => this.#askFabric());
    else this.#later(2, () => this.#tell({ kind: "fabric-lost" }));
  }

  setPartnerLink(up: boolean): void {
    this.#partnerLink = up;
  }

  /** The path of an instance is cut (or heals) without a sign. */
  cutPath(name: string): void {
    this.#later(600, () =>
      this.#tell({ kind: "instance-down", instance: name, cause: "path", message: "cut" }),
    );
  }

  cutControl(name: string, cut: boolean): void {
    if (cut) this.#controlCut.add(name);
    else this.#controlCut.delete(name);
  }

  command(command: PairCommand): number {
    const id = this.#nextCommand++;
    this.#tell({ kind: "command", id, command });
    return id;
  }

  answer(id: number): { ok: boolean; message: string } | undefined {
    return this.#answers.get(id);
  }

  get engine(): PairEngine | undefined {
    return this.#engine;
  }

  owner(seat: string): { owner: string | null; epoch: number } {
    return this.#table.get(seat)!;
  }

  /** One packet of every seat that the instance thinks it holds. */
  send(name: string): void {
    const i = this.instances.get(name)!;
    if (i.state !== "running") return;
    for (const [seat, hosted] of i.hosted) {
      if (hosted.receiver.held) continue;
      if (hosted.next > hosted.acknowledged) this.#reserve(i, seat, hosted);
      if (hosted.next > hosted.acknowledged + MARGIN) {
        // Nobody acknowledges, and the margin is used up: fresh keys, which no replica has.
        const key = this.#nextKey++;
        Object.assign(hosted, { key, next: 1, acknowledged: 0, shownTo: 0, receiver: newReceiver(key) });
      }
      const nonce = `${hosted.key}/${hosted.next++}`;
      if (this.#nonces.has(nonce)) this.#violate(`(key, IV) ${nonce} of ${seat} is used again by ${name}`);
      this.#nonces.add(nonce);
      // In the kernel's queues for a while: it meets the fabric as the fabric is then.
      this.#later(this.random.below(20), () => this.#atFabric(name, seat));
    }
  }

  /** Runs until `until`, with packets from everybody every 10 ms. */
  run(until: Instant): void {
    while (this.now < until) {
      const tick = Math.floor(this.now / 10 + 1) * 10;
      const next = Math.min(
        this.#queue[0]?.at ?? Number.POSITIVE_INFINITY,
        this.#engine?.nextTimeout() ?? Number.POSITIVE_INFINITY,
        tick,
        this.#copyAt,
        until,
      );
      this.now = Math.max(this.now, next);
      while (this.#queue[0] !== undefined && this.#queue[0].at <= this.now) this.#queue.shift()!.run();
      if (
        this.#engine !== undefined &&
        (this.#engine.nextTimeout() ?? Number.POSITIVE_INFINITY) <= this.now
      ) {
        this.#engine.handleTimeout(this.now);
        this.#drain();
      }
      if (this.now >= this.#copyAt) this.#copyWindows();
      if (this.now === tick) {
        for (const name of this.instances.keys()) this.send(name);
        for (const { name } of this.config.seats) this.#peerSends(name);
      }
      if (this.now % 200 === 0) for (const i of this.instances.values()) this.#ping(i);
    }
  }

  // ── the model ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #atFabric(from: string, seat: string): void {
    const { owner, epoch } = this.#table.get(seat)!;
    if (owner !== from) return; // the filter
    const bySeat = this.passed.get(seat) ?? new Map<number, Set<string>>();
    this.passed.set(seat, bySeat);
    const senders = bySeat.get(epoch) ?? new Set<string>();
    bySeat.set(epoch, senders.add(from));
    if (senders.size > 1)
      this.#violate(`packets of ${[...senders].join(" and ")} passed in epoch ${epoch} of ${seat}`);
  }

  #partner(i: ModelInstance): ModelInstance {
    return [...this.instances.values()].find((p) => p !== i)!;
  }

  /** False when the partner must not have the key: an earlier process of its has been shown it. */
  #show(hosted: Hosted, partner: ModelInstance): boolean {
    if (partner.state === "dead" || !this.#partnerLink) return false;
    if (hosted.shownTo !== 0 && hosted.shownTo !== partner.pid) return false;
    hosted.shownTo = partner.pid; // by showing, whatever becomes of it
    return true;
  }

  /** What is said to a stopped process stands in its socket, and is read when it wakes. */
  #hear(i: ModelInstance, run: () => void): boolean {
    const { pid } = i;
    if (i.state === "stopped")
      i.inbox.push(() => (i.pid === pid && i.state === "running" ? run() : undefined));
    else if (i.state === "running") run();
    return i.state === "running";
  }

  #reserve(i: ModelInstance, seat: string, hosted: Hosted): void {
    const partner = this.#partner(i);
    if (!this.#show(hosted, partner)) return;
    const { epoch, key, receiver } = hosted;
    const reserved = hosted.next + BLOCK;
    const told = { window: receiver.window.copy(), copiedAt: this.now };
    let held = false;
    const heard = this.#hear(partner, () => {
      held = this.#hold(partner, seat, { epoch, key, reserved, receiver, ...told });
    });
    // The acknowledgement may be lost although the partner has the reservation: that is on the safe side.
    if (heard && held && this.random.below(8) > 0) hosted.acknowledged = reserved;
  }

  /** As ReplicaStore does it. */
  #hold(i: ModelInstance, seat: string, update: Replica): boolean {
    if ((i.hosted.get(seat)?.epoch ?? 0) > update.epoch) return false;
    if ((i.used.get(update.key) ?? 0) > update.epoch) return false;
    const known = i.replicas.get(seat);
    if (known !== undefined && known.epoch > update.epoch) return false;
    const same = known?.key === update.key && known.epoch === update.epoch;
    const blank = this.#faults.has("window not copied");
    i.replicas.set(seat, {
      ...update,
      reserved: Math.max(update.reserved, same ? known.reserved : 0),
      window: blank ? new SeenNumbers() : update.window,
    });
    return true;
  }

  #copyWindows(): void {
    this.#copyAt = this.now + LIVE_INTERVAL;
    for (const i of this.instances.values()) {
      if (i.state !== "running") continue;
      const partner = this.#partner(i);
      for (const [seat, hosted] of i.hosted) {
        if (!this.#partnerLink || partner.state === "dead") continue;
        const { epoch, key, receiver } = hosted;
        const told = { window: receiver.window.copy(), copiedAt: this.now };
        this.#hear(partner, () => {
          const known = partner.replicas.get(seat);
          // A copy alone is no replica.
          if (known?.key !== key || known.epoch !== epoch) return;
          this.#hold(partner, seat, { epoch, key, reserved: known.reserved, receiver, ...told });
        });
      }
    }
  }

  #host(i: ModelInstance, seat: string, epoch: number, mode: "fresh" | "adopt", hold = false): void {
    if (i.hosted.get(seat)?.epoch === epoch) return;
    const replica = i.replicas.get(seat);
    i.replicas.delete(seat);
    if (replica !== undefined) i.used.set(replica.key, epoch);
    const adopted = mode === "adopt" ? replica : undefined;
    const start = adopted === undefined ? 0 : adopted.reserved + MARGIN;
    const key = adopted?.key ?? this.#nextKey++;
    const receiver = newReceiver(key, adopted);
    const hosted: Hosted = {
      epoch,
      key,
      next: start + 1,
      acknowledged: start,
      shownTo: 0,
      receiver,
      waiting: [],
      lastWord: undefined,
    };
    i.hosted.set(seat, hosted);
    if (!hold || adopted === undefined) return;
    receiver.held = true;
    const { pid } = i;
    this.#later(LONGEST_HOLD, () => {
      if (i.pid === pid) this.#hear(i, () => this.#release(i, seat, epoch));
    });
  }

  #release(i: ModelInstance, seat: string, epoch: number): void {
    const hosted = i.hosted.get(seat);
    if (hosted === undefined || hosted.epoch !== epoch || !hosted.receiver.held) return;
    const { receiver, lastWord } = hosted;
    receiver.held = false;
    if (lastWord !== undefined) {
      if (!this.#faults.has("last copy not made")) receiver.window.merge(lastWord);
      receiver.inOrder = true;
    }
    for (const packet of hosted.waiting.splice(0)) this.#take(hosted, packet);
  }

  /** What follows a `set-owner` of a hand-over in order (src/hand-over.ts); the supervisor may die on the way. */
  #finishHandOver({ seat, owner, epoch, from }: Extract<PairEffect, { kind: "set-owner" }>): void {
    const run = this.#supervisorRun;
    const [old, next] = [this.instances.get(from!)!, this.instances.get(owner!)!];
    const step = (delay: number, i: ModelInstance, work: () => void): void =>
      this.#later(delay, () => {
        if (run === this.#supervisorRun && i.state === "running" && !this.#controlCut.has(i.name)) work();
      });
    step(1 + this.random.below(4), old, () => {
      const hosted = old.hosted.get(seat);
      if (hosted === undefined || hosted.epoch >= epoch) return;
      hosted.receiver.closed = true;
      const heir = next.hosted.get(seat);
      if (!this.#partnerLink || next.state !== "running") return;
      if (heir?.epoch === epoch && heir.receiver.parent === hosted.receiver) {
        heir.lastWord = hosted.receiver.window.copy();
      }
    });
    step(6, next, () => this.#release(next, seat, epoch));
    this.#later(7, () => {
      if (run === this.#supervisorRun) this.#reply("fabric", { kind: "fabric-changed", seat, epoch });
    });
  }

  /** One new packet of the peer, and some that somebody has kept, to whoever the fabric sends them to. */
  #peerSends(seat: string): void {
    const { owner } = this.#table.get(seat)!;
    const hosted = owner === null ? undefined : this.instances.get(owner)!.hosted.get(seat);
    const kept = this.#kept.get(seat) ?? [];
    this.#kept.set(seat, kept);
    const sent: PeerPacket[] = [];
    if (hosted !== undefined) {
      const number = (this.#peerNext.get(hosted.key) ?? 0) + 1;
      this.#peerNext.set(hosted.key, number);
      sent.push({ key: hosted.key, number });
    }
    for (let n = this.random.below(4); n > 0 && kept.length > 0; n--)
      sent.push(kept[this.random.below(kept.length)]!);
    kept.push(...sent.slice(0, 1));
    if (kept.length > KEPT) kept.shift();
    for (const packet of sent) this.#later(this.random.below(15), () => this.#atOwner(seat, packet));
  }

  #atOwner(seat: string, packet: PeerPacket): void {
    const { owner } = this.#table.get(seat)!;
    const i = owner === null ? undefined : this.instances.get(owner);
    if (i === undefined) return;
    this.#hear(i, () => {
      const hosted = i.hosted.get(seat);
      if (hosted?.receiver.held === true) hosted.waiting.push(packet);
      else if (hosted !== undefined) this.#take(hosted, packet);
    });
  }

  #take(hosted: Hosted, packet: PeerPacket): void {
    const wrong = this.deliveries.receive(hosted.receiver, packet, this.now);
    if (wrong !== undefined) this.#violate(wrong);
  }

  #ping(i: ModelInstance): void {
    if (i.state !== "running" || this.#controlCut.has(i.name)) return;
    const seats = [...i.hosted].map(([name, h]) => ({ name, epoch: h.epoch }));
    this.#reply(i.name, { kind: "instance-up", instance: i.name, pid: i.pid, seats });
  }

  /** From a process to the supervisor that runs now; lost when that one has died by then. */
  #reply(from: string, input: PairInput): void {
    const run = this.#supervisorRun;
    this.#inOrder(`${from} to supervisor`, () => {
      if (run === this.#supervisorRun) this.#tell(input);
    });
  }

  #tell(input: PairInput): void {
    if (this.#engine === undefined) return;
    this.#engine.handle(input, this.now);
    this.#drain();
  }

  #drain(): void {
    const engine = this.#engine;
    if (engine === undefined) return;
    for (let effect = engine.poll(); effect !== undefined; effect = engine.poll()) this.#carryOut(effect);
  }

  #carryOut(effect: PairEffect): void {
    switch (effect.kind) {
      case "set-owner":
        this.#inOrder("supervisor to fabric", () => this.#setOwner(effect));
        return;
      case "seat-take":
        this.#deliver(effect.instance, (i) => {
          if (effect.epoch < (i.epochs.get(effect.seat) ?? 0)) {
            const { instance, seat, epoch } = effect;
            this.#reply(i.name, { kind: "seat-failed", instance, seat, epoch, reason: "older" });
            return;
          }
          i.epochs.set(effect.seat, effect.epoch);
          this.#host(i, effect.seat, effect.epoch, effect.mode, effect.hold);
          this.#reply(i.name, {
            kind: "seat-taken",
            instance: i.name,
            seat: effect.seat,
            epoch: effect.epoch,
          });
        });
        return;
      case "seat-drop":
        this.#deliver(effect.instance, (i) => {
          if (effect.epoch < (i.epochs.get(effect.seat) ?? 0)) return;
          i.epochs.set(effect.seat, effect.epoch);
          i.hosted.delete(effect.seat);
          this.#reply(i.name, {
            kind: "seat-dropped",
            instance: i.name,
            seat: effect.seat,
            epoch: effect.epoch,
          });
        });
        return;
      case "remember":
        this.#remembered.set(effect.seat, effect.epoch);
        return;
      case "kill":
      case "stop":
        this.#later(1, () => this.kill(effect.instance));
        return;
      case "start":
        this.#later(50, () => {
          this.kill(effect.instance);
          this.start(effect.instance);
        });
        return;
      case "seat-drain":
        if (!effect.off) this.#later(300, () => this.#tell({ kind: "seat-quiet", seat: effect.seat }));
        return;
      case "event":
        this.log.push(`${this.now.toFixed(0)} ${effect.event} ${effect.message}`);
        return;
      case "result":
        this.#answers.set(effect.id, { ok: effect.ok, message: effect.message });
        return;
      case "fabric-drain":
        return;
    }
  }

  #setOwner(effect: Extract<PairEffect, { kind: "set-owner" }>): void {
    if (!this.#fabricUp) return;
    const { seat, owner, epoch } = effect;
    const claim = this.#table.claim(seat, owner, epoch);
    if (claim.kind === "refused") {
      this.#reply("fabric", { kind: "fabric-lost" });
      this.#askFabric();
      return;
    }
    const key = `${seat} ${epoch}`;
    const known = this.#ownerOfEpoch.get(key);
    if (known !== undefined && known !== String(owner))
      this.#violate(`epoch ${epoch} of ${seat}: ${known}, then ${owner}`);
    this.#ownerOfEpoch.set(key, String(owner));
    if (effect.from !== undefined && owner !== null) this.#finishHandOver(effect);
    else this.#reply("fabric", { kind: "fabric-changed", seat, epoch });
  }

  #askFabric(): void {
    if (!this.#fabricUp) return;
    this.#inOrder("supervisor to fabric", () => {
      if (!this.#fabricUp) return;
      const seats = this.#table.entries().map(([name, s]) => ({ name, owner: s.owner, epoch: s.epoch }));
      this.#reply("fabric", { kind: "fabric", seats });
    });
  }

  #deliver(name: string, message: (i: ModelInstance) => void): void {
    if (this.#controlCut.has(name)) return;
    const i = this.instances.get(name)!;
    const pid = i.pid;
    this.#inOrder(`supervisor to ${name}`, () => {
      if (i.pid !== pid || i.state === "dead") return; // its socket is gone
      const run = (): void => {
        if (i.pid === pid && i.state === "running") message(i);
      };
      if (i.state === "stopped") i.inbox.push(run);
      else run();
    });
  }

  /** Messages of one channel arrive in the order in which they were sent. */
  #inOrder(channel: string, run: () => void): void {
    const at = Math.max(this.now + this.random.below(10), this.#channelFree.get(channel) ?? 0);
    this.#channelFree.set(channel, at);
    this.#at(at, run);
  }

  #later(delay: number, run: () => void): void {
    this.#at(this.now + delay, run);
  }

  #at(at: Instant, run: () => void): void {
    const entry = { at, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#queue[middle]!.at <= at) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, entry);
  }

  #violate(what: string): void {
    this.violations.push({ what: `${this.now.toFixed(0)} ms: ${what}` });
  }
}

const newReceiver = (key: number, from?: Replica): Receiver => ({
  key,
  window: from?.window.copy() ?? new SeenNumbers(),
  parent: from?.receiver,
  copiedAt: from?.copiedAt ?? 0,
  inOrder: false,
  held: false,
  closed: false,
});
