/** Speakers on a simulated network in virtual time: TCP between addresses, cuts, kills and restarts. */
import { type Instant, seededRandom } from "@tandem/sansio";
import {
  type Performed,
  type SimulatedNode,
  SimulatedTcp,
  Simulation,
  type TcpEvent,
  type TcpSegment,
} from "@tandem/sansio/testing";
import type { SpeakerConfig } from "../config.ts";
import type { BgpEffect, BgpInput, FibRoute } from "../events.ts";
import { BgpSpeaker } from "../speaker.ts";

export class SimulatedSpeaker {
  readonly speaker: BgpSpeaker;
  readonly node: SimulatedNode<BgpInput, BgpEffect, TcpSegment>;
  /** The FIB as `routes-changed` built it. */
  readonly fib: Map<string, FibRoute> = new Map();
  readonly states: string[] = [];
  readonly log: string[] = [];
  /** While true the driver reports no bytes as sent: the peer does not read. */
  blocked = false;
  #heldBack: BgpInput[] = [];

  constructor(simulation: Simulation<TcpSegment>, config: SpeakerConfig, seed: number) {
    this.speaker = new BgpSpeaker(config, seededRandom(seed));
    const tcp = new SimulatedTcp({ listen: [179] });
    this.node = simulation.addNode(config.localAddress, {
      engine: this.speaker,
      receive: () => undefined,
      arrive: (segment) => tcp.receive(segment),
      perform: (effect) => this.#perform(tcp, effect),
    });
  }

  input(...inputs: readonly BgpInput[]): void {
    this.node.input(...inputs);
  }

  unblock(): void {
    this.blocked = false;
    const held = this.#heldBack;
    this.#heldBack = [];
    this.node.input(...held);
  }

  #perform(tcp: SimulatedTcp, effect: BgpEffect): Performed<BgpInput, TcpSegment> | undefined {
    switch (effect.kind) {
      case "connect":
        return tcp.connect(effect);
      case "write": {
        const done = tcp.write(effect.connection, effect.bytes);
        if (!this.blocked) return done;
        this.#heldBack.push(...((done.inputs ?? []) as readonly TcpEvent[]));
        return { send: done.send ?? [] };
      }
      case "close":
        return tcp.close(effect.connection, effect.abort);
      case "routes-changed":
        for (const route of effect.set) this.fib.set(route.prefix, route);
        for (const prefix of effect.remove) this.fib.delete(prefix);
        return undefined;
      case "peer-state":
        this.states.push(`${effect.peer} ${effect.new}`);
        return undefined;
      case "log":
        this.log.push(effect.message);
        return undefined;
      default: {
        const never: never = effect;
        throw new Error(`no such effect: ${JSON.stringify(never)}`);
      }
    }
  }
}

export class SpeakerNetwork {
  readonly simulation: Simulation<TcpSegment>;
  readonly #cut: Set<string> = new Set();
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
    this.simulation = new Simulation<TcpSegment>({
      seed,
      link: { ordered: true, delay: 1 },
      path: (segment, from) =>
        this.#cut.has(pair(segment.source, segment.destination)) || from === segment.destination
          ? { drop: "cut" }
          : { to: segment.destination, packet: segment },
    });
  }

  get now(): Instant {
    return this.simulation.now;
  }

  /** The address names the node; a halted node's address may be used again. */
  add(
    config: Partial<SpeakerConfig> & { readonly localAddress: string; readonly asn: number },
  ): SimulatedSpeaker {
    this.#seed++;
    return new SimulatedSpeaker(this.simulation, { routerId: config.localAddress, ...config }, this.#seed);
  }

  /** From now on nothing passes between the two addresses. */
  cut(a: string, b: string): void {
    this.#cut.add(pair(a, b));
  }

  heal(a: string, b: string): void {
    this.#cut.delete(pair(a, b));
  }

  run(milliseconds: number): void {
    this.simulation.run(milliseconds);
  }

  until(condition: () => boolean, limit = 600_000): boolean {
    return this.simulation.runUntil(condition, limit);
  }
}

const pair = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
