/**
 * Two (or more) endpoints in virtual time over a link that the test rules: what is lost, delayed, reordered, translated.
 * Cryptographic jobs run at once. Every effect is kept, so that a test reads what happened from values.
 */
import { runCryptoJob } from "@tandem/crypto";
import { type Duration, type Instant, seededRandom } from "@tandem/sansio";
import type { IkeConnection, IkeEndpointOptions } from "../config.ts";
import { IkeEndpoint } from "../endpoint.ts";
import type { Datagram, IkeEffect, IkeInput } from "../events.ts";
import { selectorOfText } from "../traffic-selector.ts";

type Transmit = Extract<IkeEffect, { kind: "transmit" }>;
export type EffectOf<K extends IkeEffect["kind"]> = Extract<IkeEffect, { kind: K }>;

export class Node {
  readonly name: string;
  readonly engine: IkeEndpoint;
  readonly effects: { readonly at: Instant; readonly effect: IkeEffect }[] = [];
  /** Answers of crypto jobs and replications are held back when false. */
  autoCrypto = true;
  autoReplicate = true;
  readonly heldJobs: EffectOf<"crypto-job">[] = [];

  constructor(name: string, options: Omit<IkeEndpointOptions, "random"> & { readonly seed: number }) {
    const { seed, ...rest } = options;
    this.name = name;
    this.engine = new IkeEndpoint({ name, ...rest, random: seededRandom(seed) });
  }

  of<K extends IkeEffect["kind"]>(kind: K): EffectOf<K>[] {
    return this.effects.map((e) => e.effect).filter((e): e is EffectOf<K> => e.kind === kind);
  }

  /** Child SAs announced and not taken back. */
  get children(): EffectOf<"child-sa-up">[] {
    const down = new Set(this.of("child-sa-down").map((e) => e.childSa));
    return this.of("child-sa-up").filter((e) => !down.has(e.childSa));
  }

  get ikeSas(): string[] {
    const down = new Set(this.of("ike-sa-down").map((e) => e.ikeSa));
    return this.of("ike-sa-up")
      .map((e) => e.ikeSa)
      .filter((id) => !down.has(id));
  }

  /** The transcript as a reader sees it. */
  get transcript(): string {
    return this.of("transcript")
      .flatMap((e) => e.entry.lines)
      .join("\n");
  }
}

export interface Flight {
  readonly from: Node;
  readonly datagram: Datagram;
  /** Counts all datagrams of the network from 0. */
  readonly number: number;
}

/** What becomes of a datagram: the delays with which copies of it arrive (none: lost), and what it looks like then. */
export type LinkRule = (flight: Flight) => readonly Duration[];

export class Network {
  now: Instant = 0;
  readonly nodes: Node[] = [];
  /** Default: everything arrives after 10 ms. */
  rule: LinkRule = () => [10];
  /** A NAT on the way: rewrites addresses, or drops with undefined. */
  translate: (datagram: Datagram) => Datagram | undefined = (d) => d;
  readonly sent: Flight[] = [];
  readonly #addresses: Map<string, Node> = new Map();
  #queue: { readonly at: Instant; readonly order: number; readonly datagram: Datagram }[] = [];
  #order = 0;

  add(node: Node, ...addresses: readonly string[]): Node {
    this.nodes.push(node);
    for (const address of addresses) this.#addresses.set(address, node);
    return node;
  }

  give(node: Node, input: IkeInput): void {
    node.engine.handle(input, this.now);
    this.drain(node);
  }

  drain(node: Node): void {
    for (let effect = node.engine.poll(); effect !== undefined; effect = node.engine.poll()) {
      node.effects.push({ at: this.now, effect });
      if (effect.kind === "transmit") this.#launch(node, effect);
      else if (effect.kind === "crypto-job") {
        if (node.autoCrypto) this.answer(node, effect);
        else node.heldJobs.push(effect);
      } else if (effect.kind === "replicate" && node.autoReplicate)
        node.engine.handle({ kind: "replicated", barrier: effect.barrier }, this.now);
    }
  }

  answer(node: Node, job: EffectOf<"crypto-job">): void {
    node.engine.handle({ kind: "crypto-result", id: job.id, result: runCryptoJob(job.job) }, this.now);
  }

  #launch(from: Node, effect: Transmit): void {
    const { kind: _kind, ...datagram } = effect;
    const flight: Flight = { from, datagram, number: this.sent.length };
    this.sent.push(flight);
    for (const delay of this.rule(flight)) this.inject(datagram, this.now + delay);
  }

  /** `datagram` as its sender sees it. */
  inject(datagram: Datagram, at: Instant = this.now): void {
    this.#queue.push({ at, order: this.#order++, datagram });
    this.#queue.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  /** Datagrams under way. */
  get inFlight(): readonly Datagram[] {
    return this.#queue.map((q) => q.datagram);
  }

  #deliver(sent: Datagram): void {
    const d = this.translate(sent);
    if (d === undefined) return;
    const node = this.#addresses.get(d.remote);
    if (node === undefined) return;
    const { local, localPort, remote, remotePort, payload } = d;
    this.give(node, {
      kind: "datagram",
      local: remote,
      localPort: remotePort,
      remote: local,
      remotePort: localPort,
      payload: payload.slice(),
    });
  }

  /** Runs until `until`, or until `done` holds; the virtual clock jumps from event to event. */
  run(until: Instant, done: () => boolean = () => false): void {
    while (!done()) {
      const timeouts = this.nodes.map((n) => n.engine.nextTimeout() ?? Number.POSITIVE_INFINITY);
      const next = Math.min(this.#queue[0]?.at ?? Number.POSITIVE_INFINITY, ...timeouts);
      if (next > until) {
        this.now = until;
        return;
      }
      this.now = Math.max(this.now, next);
      const due = this.#queue[0];
      if (due !== undefined && due.at <= this.now) {
        this.#queue.shift();
        this.#deliver(due.datagram);
        continue;
      }
      for (const node of this.nodes)
        if ((node.engine.nextTimeout() ?? Number.POSITIVE_INFINITY) <= this.now) {
          node.engine.handleTimeout(this.now);
          this.drain(node);
        }
    }
  }

  runFor(duration: Duration, done?: () => boolean): void {
    this.run(this.now + duration, done);
  }
}

/** A connection with everything filled in; tests override what they are about. */
export function testConnection(
  local: string,
  remote: string | null,
  overrides: Partial<IkeConnection> = {},
): IkeConnection {
  const six = local.includes(":");
  const proposals = {
    encryption: [{ name: "aes-gcm-16", keyBits: 256 }],
    integrity: [],
    prf: ["prf-hmac-sha256"],
    groups: ["x25519"],
  } as const;
  const esp = {
    encryption: [{ name: "aes-gcm-16", keyBits: 128 }],
    integrity: [],
    groups: ["none"],
    esn: [false],
  } as const;
  const any = [selectorOfText(six ? "::/0" : "0.0.0.0/0")!];
  return {
    tunnel: `to-${remote ?? "any"}`,
    connection: "test",
    local: [local],
    remote,
    mode: "Default",
    localId: local,
    remoteId: remote ?? "%any",
    authentication: { method: "psk", secret: Uint8Array.of(115, 101, 99, 114, 101, 116) },
    ike: { offer: [proposals], accept: [proposals] },
    esp: { offer: [esp], accept: [esp] },
    ikeLifetime: 28_800_000,
    childLifetime: 27_000_000,
    dpdTimeout: 45_000,
    children: [{ name: "net", local: any, remote: any }],
    responderSelectors: "any",
    forceEncapsulation: false,
    ...overrides,
  };
}

export interface Pair {
  readonly network: Network;
  readonly a: Node;
  readonly b: Node;
}

export const A = "192.0.2.1";
export const B = "198.51.100.1";

/** A dials, B answers; nothing has happened yet but A's first message is under way. */
export function testPair(
  seed = 1,
  overrides: {
    readonly a?: Partial<IkeConnection>;
    readonly b?: Partial<IkeConnection>;
    readonly options?: Omit<IkeEndpointOptions, "random">;
  } = {},
): Pair {
  const network = new Network();
  const a = network.add(new Node("a", { ...overrides.options, seed }), A);
  const b = network.add(new Node("b", { ...overrides.options, seed: seed + 1_000_000 }), B);
  network.give(b, {
    kind: "connection-set",
    connection: testConnection(B, A, { mode: "ResponderOnly", tunnel: "b", ...overrides.b }),
  });
  network.give(a, {
    kind: "connection-set",
    connection: testConnection(A, B, { tunnel: "a", ...overrides.a }),
  });
  return { network, a, b };
}

/** A pair with the first Child SA up. Throws with both transcripts when it does not come up. */
export function establishedPair(seed = 1, overrides: Parameters<typeof testPair>[1] = {}): Pair {
  const pair = testPair(seed, overrides);
  pair.network.runFor(20_000, () => pair.a.children.length > 0 && pair.b.children.length > 0);
  if (pair.a.children.length === 0 || pair.b.children.length === 0)
    throw new Error(`not established\n--- a\n${pair.a.transcript}\n--- b\n${pair.b.transcript}`);
  return pair;
}
