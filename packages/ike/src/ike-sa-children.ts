/** The Child SAs of one IKE SA: installing, the switch of the outbound side (RFC 7296 §2.8), deadlines, removal. */
import type { Instant } from "@tandem/sansio";
import type { ChildSa } from "./child-sa.ts";
import { CHILDREN_PER_IKE_SA_MAX, REDIAL_FIRST, TEMPORARY_FAILURE_WAIT } from "./constants.ts";
import type { DownCause } from "./events.ts";
import type { IkeSa } from "./ike-sa.ts";

export class IkeSaChildren implements Iterable<ChildSa> {
  readonly #sa: IkeSa;
  readonly #bySpiIn: Map<number, ChildSa> = new Map();

  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  [Symbol.iterator](): IterableIterator<ChildSa> {
    return this.#bySpiIn.values();
  }

  get size(): number {
    return this.#bySpiIn.size;
  }

  get isFull(): boolean {
    return this.#bySpiIn.size >= CHILDREN_PER_IKE_SA_MAX;
  }

  bySpiIn(spi: number): ChildSa | undefined {
    return this.#bySpiIn.get(spi);
  }

  /** By the SPI that the peer chose: what its DELETE and REKEY_SA name. */
  bySpiOut(spi: number): ChildSa | undefined {
    for (const child of this) if (child.install.spiOut === spi) return child;
    return undefined;
  }

  byId(childSa: string): ChildSa | undefined {
    for (const child of this) if (child.install.childSa === childSa) return child;
    return undefined;
  }

  /** Announces a new Child SA. `outbound` "deferred": not used for sending before the peer shows that it has it. */
  add(child: ChildSa, replaces: ChildSa | undefined, outbound: "now" | "deferred"): void {
    const { host, tunnel, id } = this.#sa;
    this.#sa.childFailure = undefined;
    host.changed(this.#sa);
    this.#bySpiIn.set(child.install.spiIn, child);
    host.indexChild(child.install.childSa, child.install.spiIn, this.#sa);
    host.emit({
      kind: "child-sa-up",
      tunnel,
      ikeSa: id,
      initiator: child.initiator,
      ...(replaces === undefined
        ? {}
        : {
            replaces: replaces.install.childSa,
            rekeyed: this.#bySpiIn.get(replaces.install.spiIn) === replaces,
          }),
      ...child.install,
    });
    // Deferred: no clock decides. The answer that gives the peer this Child SA may still be lost (RFC 7296 §2.8).
    if (outbound === "now") this.switchOutbound(child);
  }

  /** Keeps one that a partner announced before, or that came over from a rekeyed IKE SA. */
  keep(child: ChildSa): void {
    this.#bySpiIn.set(child.install.spiIn, child);
    this.#sa.host.indexChild(child.install.childSa, child.install.spiIn, this.#sa);
  }

  announceAgain(child: ChildSa): void {
    const { host, tunnel, id } = this.#sa;
    host.emit({ kind: "child-sa-up", tunnel, ikeSa: id, initiator: child.initiator, ...child.install });
    if (child.outboundReady)
      host.emit({ kind: "child-sa-outbound-ready", tunnel, childSa: child.install.childSa });
  }

  switchOutbound(child: ChildSa): void {
    if (child.outboundReady) return;
    child.outboundReady = true;
    this.#sa.host.changed(this.#sa);
    this.#sa.host.emit({
      kind: "child-sa-outbound-ready",
      tunnel: this.#sa.tunnel,
      childSa: child.install.childSa,
    });
  }

  /** The Child SA of an IKE SA that was replaced may be the one in use: this one is, from now on. */
  takeOver(child: ChildSa): void {
    if (child.state !== "installed" && child.state !== "rekeying") return;
    child.outboundReady = false;
    this.switchOutbound(child);
  }

  /** A sign that the peer uses `child`: a packet on it, or the DELETE of what it replaces. */
  inUse(child: ChildSa): void {
    if (child.state === "installed" || child.state === "rekeying") this.switchOutbound(child);
  }

  remove(child: ChildSa, cause: DownCause, reason: string): void {
    const { host, tunnel, now } = this.#sa;
    if (!this.#bySpiIn.delete(child.install.spiIn)) return;
    const { childSa, spiIn } = child.install;
    host.changed(this.#sa);
    host.indexChild(childSa, spiIn, undefined);
    const successor = child.successor === undefined ? undefined : this.byId(child.successor);
    if (successor !== undefined) this.inUse(successor);
    const effect = { kind: "child-sa-down", tunnel, childSa, spiIn, cause, reason } as const;
    if (cause === "rekeyed" || cause === "replaced") host.emitAfterGrace(effect, now);
    else host.emit(effect);
  }

  closeAll(cause: DownCause, reason: string): void {
    for (const child of [...this]) this.remove(child, cause, reason);
  }

  /** An IKE SA's rekey: the new one inherits every Child SA (RFC 7296 §2.18). */
  inherit(from: IkeSaChildren): void {
    for (const child of from) this.keep(child);
    from.#bySpiIn.clear();
  }

  moved(remote: string, remotePort: number): void {
    const childSas: string[] = [];
    this.#sa.host.changed(this.#sa);
    for (const child of this) {
      const { endpoints } = child.install;
      const udp = endpoints.udp === undefined ? {} : { udp: { ...endpoints.udp, remotePort } };
      child.install = { ...child.install, endpoints: { ...endpoints, remote, ...udp } };
      childSas.push(child.install.childSa);
    }
    if (childSas.length > 0)
      this.#sa.host.emit({
        kind: "endpoints-changed",
        tunnel: this.#sa.tunnel,
        childSas,
        remote,
        remotePort,
      });
  }

  /** The policy's Child SA went away without a successor: make another, unless the peer is to do that. */
  restore(child: ChildSa): void {
    const { connection } = this.#sa;
    if (connection === undefined || connection.mode === "ResponderOnly" || connection.remote === null) return;
    if (!connection.children.some((p) => p.name === child.policy)) return;
    this.#sa.retryLater({ kind: "create-child", policy: child.policy }, REDIAL_FIRST);
  }

  nextTimeout(): Instant | undefined {
    let at: Instant | undefined;
    const consider = (t: Instant | undefined): void => {
      if (t !== undefined && (at === undefined || t < at)) at = t;
    };
    for (const child of this) {
      if (child.state === "installed") consider(Math.min(child.rekeyAt, child.expiresAt));
      else if (child.state !== "deleting") consider(child.expiresAt);
    }
    return at;
  }

  handleTimeout(now: Instant): void {
    for (const child of [...this]) {
      if (child.state === "deleting") continue;
      if (now >= child.expiresAt) this.expire(child, "time");
      else if (child.state === "installed" && now >= child.rekeyAt) this.rekey(child);
    }
  }

  rekey(child: ChildSa): void {
    if (child.state !== "installed") return;
    const task = { kind: "rekey-child", spiIn: child.install.spiIn } as const;
    child.rekeyAt = Number.POSITIVE_INFINITY;
    // The peer may not have our answer yet that made this Child SA.
    if (child.outboundReady) this.#sa.enqueue(task);
    else this.#sa.retryLater(task, TEMPORARY_FAILURE_WAIT);
  }

  expire(child: ChildSa, cause: string): void {
    const { spiIn } = child.install;
    const replaced = child.state === "replaced";
    this.#sa.drop((task) => task.kind === "rekey-child" && task.spiIn === spiIn);
    child.state = "deleting";
    this.#sa.enqueue(
      replaced
        ? { kind: "delete-child", spiIn, cause: "rekeyed", reason: "replaced by its successor" }
        : {
            kind: "delete-child",
            spiIn,
            cause: "expired",
            reason: `hard lifetime reached (${cause}) before it was rekeyed`,
          },
    );
    if (!replaced) this.restore(child);
  }
}
