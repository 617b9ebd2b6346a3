/**
 * Engines on a simulated network in virtual time: minutes of protocol in milliseconds, and the same again from the same seed.
 *
 *      a.input(x) ──▶ engine a ──effects──▶ perform ──packets──▶ path, link model ──▶ in flight ──▶ engine b
 *                        ▲                     │                                          │
 *                        └──── inputs ◀────────┘                       step(): earliest of arrivals and timers
 *
 * Two ways to run. By the clock: `run`, `runUntil` and `step` take the earliest event. By hand: after `hold()` packets
 * stay in `inFlight` until `deliver` or `drop` names them, so that a test chooses the order (see explore-deliveries.ts).
 */
import type { Engine } from "../engine.ts";
import type { Duration, Instant } from "../instant.ts";
import { type Random, seededRandom } from "../random.ts";
import { TimerHeap } from "../timer-heap.ts";
import { type LinkModel, PERFECT_LINK, passLink } from "./link-model.ts";

/** What carrying out an effect means to the simulated world. */
export interface Performed<Input, Packet> {
  readonly send?: readonly Packet[];
  /** Inputs for the same engine, given to it after it is drained (a crypto job's result, say). */
  readonly inputs?: readonly Input[];
  /** The same, after a delay. */
  readonly later?: readonly { readonly after: Duration; readonly input: Input }[];
}

export interface NodeBehaviour<Input, Effect, Packet> {
  readonly engine: Engine<Input, Effect>;
  /** What an arriving packet is to the engine; `undefined` when it takes no notice. */
  receive(packet: Packet, from: string): Input | undefined;
  /** Used instead of `receive` where there is one: for arrivals that mean several inputs, or packets in answer. */
  arrive?(packet: Packet, from: string): Performed<Input, Packet>;
  perform(effect: Effect, now: Instant): Performed<Input, Packet> | undefined;
}

/** Where a packet goes, and in which shape (a NAT changes it), or why nowhere. */
export type Path<Packet> = (
  packet: Packet,
  from: string,
  now: Instant,
) => { readonly to: string; readonly packet: Packet } | { readonly drop: string };

export interface Flight<Packet> {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly packet: Packet;
  readonly sentAt: Instant;
  readonly arrivesAt: Instant;
}

export type TraceEntry<Packet> =
  | { readonly kind: "sent" | "delivered"; readonly at: Instant; readonly flight: Flight<Packet> }
  | {
      readonly kind: "dropped";
      readonly at: Instant;
      readonly from: string;
      readonly packet: Packet;
      readonly reason: string;
    };

export interface SimulationOptions<Packet> {
  readonly seed?: number;
  /** For every direction that `setLink` does not name. */
  readonly link?: Partial<LinkModel>;
  /** With exactly two nodes it may be absent: everything goes to the other one. */
  readonly path?: Path<Packet>;
  /** Length of a packet in bytes, for the MTU. */
  readonly size?: (packet: Packet) => number;
  /** Engines that change state this often without time going on are spinning: `run` throws. */
  readonly maxStepsPerInstant?: number;
}

type Event = { kind: "flight"; id: number } | { kind: "later"; deliver: () => void };

/** One engine in the simulation: its effects so far, and the way to give it inputs. */
export class SimulatedNode<Input, Effect, Packet> {
  readonly name: string;
  readonly behaviour: NodeBehaviour<Input, Effect, Packet>;
  /** Every effect with its instant, in order. */
  readonly effects: { readonly at: Instant; readonly effect: Effect }[] = [];
  readonly #world: World<Packet>;
  readonly #waiting: (() => void)[] = [];
  #state: "running" | "paused" | "halted" = "running";

  constructor(name: string, behaviour: NodeBehaviour<Input, Effect, Packet>, world: World<Packet>) {
    this.name = name;
    this.behaviour = behaviour;
    this.#world = world;
  }

  /** Gives an input at the present instant, and drains. */
  input(...inputs: readonly Input[]): void {
    for (const input of inputs) {
      this.#whenRunning(() => {
        this.behaviour.engine.handle(input, this.#world.now());
        this.#drain();
      });
    }
  }

  /** The engine stops existing for the world, as after SIGKILL: no inputs, no timers; its packets in flight still arrive. */
  halt(): void {
    this.#state = "halted";
    this.#waiting.length = 0;
    this.#world.reschedule(this, undefined);
  }

  get halted(): boolean {
    return this.#state === "halted";
  }

  /** As after SIGSTOP: nothing runs, what arrives waits in the kernel's buffers. */
  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.#world.reschedule(this, undefined);
  }

  /** As after SIGCONT: what waited comes first, then the timers that are overdue. */
  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    for (const action of this.#waiting.splice(0)) this.#whenRunning(action);
    if (this.#state === "running") this.#world.reschedule(this, this.behaviour.engine.nextTimeout());
  }

  /** The effects that `narrow` accepts, for assertions. */
  effectsThat<Kind extends Effect>(narrow: (effect: Effect) => effect is Kind): Kind[] {
    return this.effects.map((entry) => entry.effect).filter(narrow);
  }

  /** @internal An arrival. */
  arrive(packet: Packet, from: string): void {
    this.#whenRunning(() => {
      if (this.behaviour.arrive !== undefined) {
        this.input(...this.#carryOut(this.behaviour.arrive(packet, from)));
        return;
      }
      const input = this.behaviour.receive(packet, from);
      if (input !== undefined) this.input(input);
    });
  }

  /** @internal The engine's deadline has come. */
  timeout(): void {
    if (this.#state !== "running") return;
    this.behaviour.engine.handleTimeout(this.#world.now());
    this.#drain();
  }

  #whenRunning(action: () => void): void {
    if (this.#state === "running") action();
    else if (this.#state === "paused") this.#waiting.push(action);
  }

  #drain(): void {
    const { engine } = this.behaviour;
    const now = this.#world.now();
    const inputs: Input[] = [];
    for (let effect = engine.poll(); effect !== undefined; effect = engine.poll()) {
      this.effects.push({ at: now, effect });
      const performed = this.behaviour.perform(effect, now);
      if (performed !== undefined) inputs.push(...this.#carryOut(performed));
    }
    this.#world.reschedule(this, engine.nextTimeout());
    this.input(...inputs);
  }

  /** Sends and plans; returns the inputs that are due at once. */
  #carryOut(performed: Performed<Input, Packet>): readonly Input[] {
    for (const packet of performed.send ?? []) this.#world.send(packet, this.name);
    for (const { after, input } of performed.later ?? [])
      this.#world.later(this.#world.now() + after, () => this.input(input));
    return performed.inputs ?? [];
  }
}

interface World<Packet> {
  now(): Instant;
  send(packet: Packet, from: string): void;
  later(at: Instant, deliver: () => void): void;
  reschedule(node: AnyNode<Packet>, at: Instant | undefined): void;
}

interface AnyNode<Packet> {
  readonly name: string;
  readonly halted: boolean;
  arrive(packet: Packet, from: string): void;
  timeout(): void;
}

export class Simulation<Packet> {
  readonly trace: TraceEntry<Packet>[] = [];
  readonly random: Random;
  readonly #options: SimulationOptions<Packet>;
  readonly #nodes = new Map<string, AnyNode<Packet>>();
  readonly #links = new Map<string, Partial<LinkModel>>();
  readonly #lastArrival = new Map<string, Instant>();
  readonly #flights = new Map<number, Flight<Packet>>();
  readonly #events = new Map<number, Event>();
  readonly #queue = new TimerHeap<number>();
  readonly #timers = new TimerHeap<AnyNode<Packet>>();
  #defaultLink: Partial<LinkModel>;
  #now: Instant = 0;
  #nextId = 1;
  #held = false;
  #stepsHere = 0;

  constructor(options: SimulationOptions<Packet> = {}) {
    this.#options = options;
    this.#defaultLink = options.link ?? {};
    this.random = seededRandom(options.seed ?? 1);
  }

  get now(): Instant {
    return this.#now;
  }

  /** Packets under way, in the order of sending. */
  get inFlight(): readonly Flight<Packet>[] {
    return [...this.#flights.values()];
  }

  /** The name of a halted node may be given again: that is a restart, and packets in flight reach the new one. */
  addNode<Input, Effect>(
    name: string,
    behaviour: NodeBehaviour<Input, Effect, Packet>,
  ): SimulatedNode<Input, Effect, Packet> {
    if (this.#nodes.get(name)?.halted === false) throw new RangeError(`there is a node ${name} already`);
    const node = new SimulatedNode(name, behaviour, {
      now: () => this.#now,
      send: (packet, from) => this.#send(packet, from),
      later: (at, deliver) => this.#schedule({ kind: "later", deliver }, at),
      reschedule: (which, at) => this.#timers.set(which, at === undefined ? at : Math.max(at, this.#now)),
    });
    this.#nodes.set(name, node);
    this.#timers.set(node, behaviour.engine.nextTimeout());
    return node;
  }

  /** Changes the model of one direction, or of all that are not named, from now on. */
  setLink(model: Partial<LinkModel>, from?: string, to?: string): void {
    if (from === undefined || to === undefined) this.#defaultLink = model;
    else this.#links.set(`${from}>${to}`, model);
  }

  /** From now on packets wait in `inFlight` for `deliver` or `drop`; timers go on with `step`. */
  hold(): void {
    this.#held = true;
    for (const id of this.#flights.keys()) this.#queue.delete(id);
  }

  /** Back to the clock: what was held arrives now, in the order of sending. */
  release(): void {
    this.#held = false;
    for (const id of this.#flights.keys()) this.#queue.set(id, this.#now);
  }

  /** Hands over one packet in flight, at the present instant. */
  deliver(flight: Flight<Packet>): void {
    if (!this.#flights.delete(flight.id)) throw new RangeError(`packet ${flight.id} is not in flight`);
    this.#queue.delete(flight.id);
    this.#events.delete(flight.id);
    this.trace.push({ kind: "delivered", at: this.#now, flight });
    this.#nodes.get(flight.to)!.arrive(flight.packet, flight.from);
  }

  /** Loses one packet in flight. */
  drop(flight: Flight<Packet>, reason = "chosen by the test"): void {
    if (!this.#flights.delete(flight.id)) throw new RangeError(`packet ${flight.id} is not in flight`);
    this.#queue.delete(flight.id);
    this.#events.delete(flight.id);
    this.#lose(flight.packet, flight.from, reason);
  }

  /** When `step` would do something; `undefined` when nothing will ever happen by itself. */
  nextEvent(): Instant | undefined {
    const arrival = this.#queue.next();
    const timer = this.#timers.next();
    if (arrival === undefined) return timer;
    return timer === undefined ? arrival : Math.min(arrival, timer);
  }

  /** Goes to the next event and does it; false when there is none. Arrivals come before timers of the same instant. */
  step(): boolean {
    const at = this.nextEvent();
    if (at === undefined) return false;
    this.#stepsHere = at > this.#now ? 0 : this.#stepsHere + 1;
    this.#now = Math.max(this.#now, at);
    const id = this.#queue.expire(this.#now);
    if (id !== undefined) {
      const event = this.#events.get(id)!;
      this.#events.delete(id);
      if (event.kind === "later") event.deliver();
      else this.deliver(this.#flights.get(id)!);
      this.#refuseSpinning("arrivals");
      return true;
    }
    const node = this.#timers.expire(this.#now)!;
    node.timeout();
    this.#refuseSpinning(`the timer of ${node.name}`);
    return true;
  }

  /** Lets `duration` of virtual time pass. */
  run(duration: Duration): void {
    const end = this.#now + duration;
    for (let at = this.nextEvent(); at !== undefined && at <= end; at = this.nextEvent()) this.step();
    this.#now = end;
  }

  /** Runs until `condition` holds; false when `limit` of virtual time passed, or nothing is left to happen, without it. */
  runUntil(condition: () => boolean, limit: Duration = 600_000): boolean {
    const end = this.#now + limit;
    while (!condition()) {
      const at = this.nextEvent();
      if (at === undefined || at > end) return false;
      this.step();
    }
    return true;
  }

  #send(packet: Packet, from: string): void {
    const target = this.#path(packet, from);
    if ("drop" in target) {
      this.#lose(packet, from, target.drop);
      return;
    }
    if (!this.#nodes.has(target.to)) {
      this.#lose(packet, from, `no node ${target.to}`);
      return;
    }
    const direction = `${from}>${target.to}`;
    const model = { ...PERFECT_LINK, ...(this.#links.get(direction) ?? this.#defaultLink) };
    const passage = passLink(model, this.#options.size?.(target.packet) ?? 0, this.#now, this.random);
    if (passage.kind === "lost") {
      this.#lose(packet, from, passage.reason);
      return;
    }
    for (const planned of passage.at) {
      const earliest = model.ordered ? (this.#lastArrival.get(direction) ?? planned) : planned;
      const arrivesAt = Math.max(planned, earliest);
      this.#lastArrival.set(direction, arrivesAt);
      this.#launch({ from, to: target.to, packet: target.packet, sentAt: this.#now, arrivesAt });
    }
  }

  #launch(plan: Omit<Flight<Packet>, "id">): void {
    const flight = { id: this.#nextId++, ...plan };
    this.#flights.set(flight.id, flight);
    this.#events.set(flight.id, { kind: "flight", id: flight.id });
    if (!this.#held) this.#queue.set(flight.id, flight.arrivesAt);
    this.trace.push({ kind: "sent", at: this.#now, flight });
  }

  #path(packet: Packet, from: string): { to: string; packet: Packet } | { drop: string } {
    if (this.#options.path !== undefined) return this.#options.path(packet, from, this.#now);
    const others = [...this.#nodes.keys()].filter((name) => name !== from);
    if (others.length !== 1) throw new RangeError("a simulation of more than two nodes needs a path");
    return { to: others[0]!, packet };
  }

  #lose(packet: Packet, from: string, reason: string): void {
    this.trace.push({ kind: "dropped", at: this.#now, from, packet, reason });
  }

  #schedule(event: Event, at: Instant): void {
    const id = this.#nextId++;
    this.#events.set(id, event);
    this.#queue.set(id, at);
  }

  #refuseSpinning(what: string): void {
    const limit = this.#options.maxStepsPerInstant ?? 10_000;
    if (this.#stepsHere > limit)
      throw new Error(`${limit} steps at ${this.#now} ms without time going on; the last was ${what}`);
  }
}
