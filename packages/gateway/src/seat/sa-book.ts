/**
 * The book of one seat's Child SAs: IKE says what exists, the data plane carries it, this keeps the two in step.
 *
 *      IKE: child-sa-up ──────────▶ add-child-sa (with the first sequence block)
 *           child-sa-outbound-ready ▶ switch-outbound            tunnel goes up with its first usable Child SA
 *           child-sa-down ─────────▶ switch to another, remove   and down with its last
 *      data plane: need-sequence ─▶ reserve (replicated first) ─▶ reserve-sequence
 *
 * Sequence numbers: the adopter of a Child SA starts above every reserved block (DESIGN §3). The first block needs no
 * message of its own: whoever adopts takes it as reserved.
 */
import { type ChildSaLiveState, type ChildSaParameters, type SequenceBlock, selectorsKey } from "@tandem/esp";
import type { ChildSaInstall } from "@tandem/ike";
import type { DataPlanePort } from "../dataplane-port.ts";

/** Implementation constant: at 500,000 packets per second a block lasts half a second, and an adoption skips less than one. */
export const SEQUENCE_BLOCK = 262_144;
/** 2^32 - 1 without ESN (RFC 4303 §2.2); with ESN numbers stay exact in a double up to 2^53. */
const LAST_SEQUENCE = { plain: 0xffff_ffff, extended: 2 ** 53 - 1 } as const;
/**
 * Numbers above the last reservation that the partner acknowledged which an owner without a partner may still use, and
 * an adopter leaves out (replication/adoption.ts): 67 million packets, 1.6 % of an SA without ESN.
 */
export const SEQUENCE_MARGIN: number = 2 ** 26;
/** Share of a hard limit at which IKE is asked for a successor. */
const SOFT_SHARE = 0.9;

/** What the connection adds to what IKE negotiated. */
export interface ChildSaTerms {
  readonly connection: string;
  readonly replayWindow: number;
  readonly hardBytes: number;
}

export interface SaBookHooks {
  /** A tunnel can carry packets now, or cannot any more. */
  tunnelUp(tunnel: string, up: boolean): void;
  /**
   * Resolves with true when nobody can adopt without knowing the reservation: the partner has it, or nothing is
   * replicated at all.
   */
  replicateSequence(childSa: string, reservedUpTo: number): Promise<boolean>;
  /** The Child SA needs a successor: its numbers run out, or run away from what the partner knows. */
  sequenceShort(childSa: string): void;
  fault(message: string): void;
}

interface BookedChildSa {
  readonly id: string;
  readonly tunnel: string;
  /** The IKE SA that has it now. */
  ikeSa: string;
  readonly parameters: ChildSaParameters;
  /** Child SAs with the same key take each other's place; others stand side by side. */
  readonly selectors: string;
  ready: boolean;
  reservedUpTo: number;
  /** Up to here an adopter knows of the reservations. */
  knownUpTo: number;
}

export class SaBook {
  readonly #seat: string;
  readonly #dataPlane: DataPlanePort;
  readonly #hooks: SaBookHooks;
  readonly #childSas = new Map<string, BookedChildSa>();
  /** tunnel -> its Child SAs in the order of their making. */
  readonly #tunnels = new Map<string, Set<string>>();
  /** IKE SA -> its Child SAs. */
  readonly #ofIkeSa = new Map<string, Set<string>>();
  /** tunnel -> selectors -> the Child SA that is used for sending. A tunnel with one of them is up. */
  readonly #outbound = new Map<string, Map<string, string>>();
  /** Child SAs that are not used for sending yet. */
  readonly #awaiting = new Set<string>();

  constructor(seat: string, dataPlane: DataPlanePort, hooks: SaBookHooks) {
    this.#seat = seat;
    this.#dataPlane = dataPlane;
    this.#hooks = hooks;
  }

  /** `live`: the state that the partner replicated, when the Child SA is adopted. */
  add(
    tunnel: string,
    ikeSa: string,
    install: ChildSaInstall,
    terms: ChildSaTerms,
    live?: ChildSaLiveState,
  ): void {
    const last = install.esn ? LAST_SEQUENCE.extended : LAST_SEQUENCE.plain;
    const sa: ChildSaParameters = {
      id: install.childSa,
      connection: terms.connection,
      seat: this.#seat,
      suite: install.suite,
      esn: install.esn,
      spiIn: install.spiIn,
      spiOut: install.spiOut,
      inbound: install.inbound,
      outbound: install.outbound,
      endpoints: install.endpoints,
      localSelectors: install.localSelectors,
      remoteSelectors: install.remoteSelectors,
      replayWindow: terms.replayWindow,
      limits: {
        softBytes: Math.floor(terms.hardBytes * SOFT_SHARE),
        hardBytes: terms.hardBytes,
        ...(install.esn ? {} : { softPackets: Math.floor(last * SOFT_SHARE), hardPackets: last }),
      },
    };
    const first = Math.max(1, live?.reservedUpTo ?? 1);
    const sequence = { first, limit: Math.min(first + SEQUENCE_BLOCK, last) };
    const booked: BookedChildSa = {
      id: sa.id,
      tunnel,
      ikeSa,
      parameters: sa,
      selectors: selectorsKey(sa.localSelectors, sa.remoteSelectors),
      ready: false,
      reservedUpTo: sequence.limit,
      knownUpTo: sequence.limit,
    };
    this.#childSas.set(sa.id, booked);
    // The next adopter must know of this block, which is not the one that it would take as reserved. Told before the
    // IKE SA is (the channel keeps the order), so that nobody knows the one without the other.
    if (live !== undefined) void this.#hooks.replicateSequence(sa.id, sequence.limit);
    this.#awaiting.add(sa.id);
    addTo(this.#tunnels, tunnel, sa.id);
    addTo(this.#ofIkeSa, ikeSa, sa.id);
    this.#command({
      kind: "add-child-sa",
      tunnel,
      sa,
      sequence,
      ...(live === undefined ? {} : { live }),
    });
  }

  outboundReady(childSa: string): void {
    const booked = this.#childSas.get(childSa);
    if (booked === undefined || this.#isOutbound(booked)) return;
    booked.ready = true;
    this.#awaiting.delete(childSa);
    const wasUp = this.#outbound.has(booked.tunnel);
    this.#switchTo(booked);
    if (!wasUp) this.#hooks.tunnelUp(booked.tunnel, true);
  }

  remove(childSa: string): void {
    const booked = this.#childSas.get(childSa);
    if (booked === undefined) return;
    this.#childSas.delete(childSa);
    this.#awaiting.delete(childSa);
    removeFrom(this.#tunnels, booked.tunnel, childSa);
    removeFrom(this.#ofIkeSa, booked.ikeSa, childSa);
    if (this.#isOutbound(booked)) {
      const next = this.#newestReady(booked);
      if (next !== undefined) this.#switchTo(next);
      else this.#withoutOutbound(booked);
    }
    this.#command({ kind: "remove-child-sa", childSa });
  }

  /**
   * Another IKE SA of the tunnel took this one's place: the peer is about to forget its Child SAs, so what stands
   * beside them carries the packets from here on.
   */
  retire(ikeSa: string): void {
    for (const id of this.#ofIkeSa.get(ikeSa) ?? []) {
      const booked = this.#childSas.get(id)!;
      booked.ready = false;
      this.#awaiting.delete(booked.id);
      if (!this.#isOutbound(booked)) continue;
      const next = this.#newestReady(booked);
      if (next !== undefined) this.#switchTo(next);
    }
  }

  /** An IKE SA's rekey: its successor has the Child SAs (RFC 7296 §2.18). */
  inherit(from: string, to: string): void {
    for (const id of [...(this.#ofIkeSa.get(from) ?? [])]) {
      this.#childSas.get(id)!.ikeSa = to;
      removeFrom(this.#ofIkeSa, from, id);
      addTo(this.#ofIkeSa, to, id);
    }
  }

  move(childSa: string, remote: string, remotePort: number): void {
    if (this.#childSas.has(childSa)) this.#command({ kind: "move-endpoint", childSa, remote, remotePort });
  }

  has(childSa: string): boolean {
    return this.#childSas.has(childSa);
  }

  ids(): string[] {
    return [...this.#childSas.keys()];
  }

  /** Those of one tunnel, or of every instance of a template (IKE names them tunnel + "/" + identity). */
  idsOf(tunnel: string): string[] {
    const tunnels = [...this.#tunnels.keys()].filter(
      (name) => name === tunnel || name.startsWith(`${tunnel}/`),
    );
    return tunnels.flatMap((name) => [...this.#tunnels.get(name)!]);
  }

  parameters(): ChildSaParameters[] {
    return [...this.#childSas.values()].map((booked) => booked.parameters);
  }

  isUp(tunnel: string): boolean {
    return this.#outbound.has(tunnel);
  }

  /** The data plane asks for more numbers: reserved, replicated, and only then handed out. */
  needSequence(childSa: string): void {
    const booked = this.#childSas.get(childSa);
    if (booked === undefined) return;
    const last = booked.parameters.esn ? LAST_SEQUENCE.extended : LAST_SEQUENCE.plain;
    const block: SequenceBlock = {
      first: booked.reservedUpTo,
      limit: Math.min(booked.reservedUpTo + SEQUENCE_BLOCK, last),
    };
    if (block.first >= block.limit) {
      this.#hooks.sequenceShort(childSa);
      return;
    }
    booked.reservedUpTo = block.limit;
    this.#hooks.replicateSequence(childSa, block.limit).then(
      (known) => {
        if (!this.#childSas.has(childSa)) return;
        if (known) booked.knownUpTo = Math.max(booked.knownUpTo, block.limit);
        const beyond = block.limit - booked.knownUpTo;
        if (beyond > SEQUENCE_MARGIN / 2) this.#hooks.sequenceShort(childSa);
        // Nobody may use a number that an adopter, who starts above the margin, could use again.
        if (beyond <= SEQUENCE_MARGIN) this.#command({ kind: "reserve-sequence", childSa, block });
      },
      (error: unknown) => this.#hooks.fault(`sequence block of ${childSa}: ${String(error)}`),
    );
  }

  /** Child SA and the limit of its reserved numbers, for a snapshot (which nobody acknowledges: `knownUpTo` stays). */
  reservations(): (readonly [string, number])[] {
    return [...this.#childSas.values()].map((booked) => [booked.id, booked.reservedUpTo] as const);
  }

  /** Whether a Child SA stands that is not used for sending yet. */
  awaitsFirstPacket(): boolean {
    return this.#awaiting.size > 0;
  }

  /** Child SAs that received packets since the last call: proof of life for IKE. */
  async takeActive(): Promise<readonly string[]> {
    const active = await this.#dataPlane.command({ kind: "take-active", seat: this.#seat, direction: "in" });
    return active as readonly string[];
  }

  #isOutbound(booked: BookedChildSa): boolean {
    return this.#outbound.get(booked.tunnel)?.get(booked.selectors) === booked.id;
  }

  /** What can carry the packets of `booked`. */
  #newestReady({ tunnel, selectors }: BookedChildSa): BookedChildSa | undefined {
    const ids = [...(this.#tunnels.get(tunnel) ?? [])].reverse();
    return ids
      .map((id) => this.#childSas.get(id)!)
      .find((other) => other.ready && other.selectors === selectors);
  }

  #withoutOutbound({ tunnel, selectors }: BookedChildSa): void {
    const bySelectors = this.#outbound.get(tunnel);
    bySelectors?.delete(selectors);
    if (bySelectors?.size !== 0) return;
    this.#outbound.delete(tunnel);
    this.#hooks.tunnelUp(tunnel, false);
  }

  #switchTo(booked: BookedChildSa): void {
    const bySelectors = this.#outbound.get(booked.tunnel) ?? new Map<string, string>();
    this.#outbound.set(booked.tunnel, bySelectors.set(booked.selectors, booked.id));
    this.#command({ kind: "switch-outbound", tunnel: booked.tunnel, childSa: booked.id });
  }

  #command(command: Parameters<DataPlanePort["command"]>[0]): void {
    this.#dataPlane.command(command).catch((error: unknown) => {
      this.#hooks.fault(
        `data plane refused ${command.kind}: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }
}

function addTo(index: Map<string, Set<string>>, key: string, id: string): void {
  index.set(key, (index.get(key) ?? new Set()).add(id));
}

function removeFrom(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}
