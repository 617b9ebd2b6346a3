/**
 * The clock of one IKE SA: repeating requests (RFC 7296 §2.4), liveness, NAT keepalives (RFC 3948 §4), lifetimes (§2.8),
 * fragments that never came (RFC 7383 §2.6), the end of half-open and closed ones.
 */
import type { Instant } from "@tandem/sansio";
import { HALF_OPEN_TIMEOUT, NAT_KEEPALIVE_INTERVAL, NAT_T_PORT } from "./constants.ts";
import type { SealedExchange } from "./exchange-window.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Task } from "./tasks/task.ts";

export class IkeSaClock {
  readonly #sa: IkeSa;
  #heardAt: Instant;
  #sentAt: Instant;
  #diesAt: Instant | undefined;

  constructor(sa: IkeSa, now: Instant) {
    this.#sa = sa;
    this.#heardAt = now;
    this.#sentAt = now;
    if (!sa.initiator) this.#diesAt = now + HALF_OPEN_TIMEOUT;
  }

  heard(now: Instant): void {
    this.#heardAt = now;
  }

  sent(now: Instant): void {
    this.#sentAt = now;
  }

  established(): void {
    this.#diesAt = undefined;
  }

  /** A closed SA answers repeated requests until then. */
  closed(until: Instant): void {
    this.#diesAt = until;
  }

  get diesAt(): Instant | undefined {
    return this.#diesAt;
  }

  nextTimeout(): Instant | undefined {
    const sa = this.#sa;
    let at = Number.POSITIVE_INFINITY;
    const consider = (t: Instant | undefined): void => {
      if (t !== undefined && t < at) at = t;
    };
    consider(this.#diesAt);
    if (sa.state !== "closed") {
      consider(sa.window.nextTimeout());
      consider(sa.channel?.nextTimeout());
      consider(sa.queue.nextTimeout());
      consider(sa.children.nextTimeout());
      consider(this.#livenessAt());
      consider(this.#keepaliveAt());
      if (sa.state === "established") consider(this.#deadlineAt());
      if (sa.state === "replaced") consider(sa.deadlines?.expiresAt);
    }
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  #deadlineAt(): Instant | undefined {
    const { deadlines } = this.#sa;
    if (deadlines === undefined) return undefined;
    return this.#isRekeying() ? deadlines.expiresAt : deadlines.rekeyAt;
  }

  #isRekeying(): boolean {
    const match = (t: Task): boolean => t.kind === "rekey-ike";
    return this.#sa.task?.kind === "rekey-ike" || this.#sa.queue.has(match);
  }

  /** RFC 7296 §2.4: ask when nothing was heard for a third of the time after which the peer counts as dead. */
  #livenessAt(): Instant | undefined {
    const { connection, task, state } = this.#sa;
    if (connection === undefined || task !== undefined) return undefined;
    if (state !== "established" && state !== "replaced") return undefined;
    return this.#heardAt + connection.dpdTimeout / 3;
  }

  #keepaliveAt(): Instant | undefined {
    const { isUp, nat, path } = this.#sa;
    if (!isUp || !nat.local || path.localPort !== NAT_T_PORT) return undefined;
    return this.#sentAt + NAT_KEEPALIVE_INTERVAL;
  }

  handleTimeout(now: Instant): void {
    const sa = this.#sa;
    if (sa.state === "closed") return;
    if (this.#diesAt !== undefined && now >= this.#diesAt) {
      sa.close("no-answer", "the peer began an IKE SA and did not go on");
      return;
    }
    this.#expireFragments(now);
    if (!this.#repeatRequest(now)) return;
    for (const task of sa.queue.due(now)) sa.enqueue(task);
    sa.children.handleTimeout(now);
    this.#checkLifetime(now);
    const liveness = this.#livenessAt();
    if (liveness !== undefined && now >= liveness) sa.enqueue({ kind: "liveness" });
    const keepalive = this.#keepaliveAt();
    if (keepalive !== undefined && now >= keepalive) {
      this.#sentAt = now;
      sa.host.emit({ kind: "nat-keepalive", ...sa.path });
    }
  }

  /** False when the peer is given up. */
  #repeatRequest(now: Instant): boolean {
    const sa = this.#sa;
    const { outstanding } = sa.window;
    const action = sa.window.handleTimeout(now);
    if (action === "exhausted" && sa.redundant) {
      sa.close("rekeyed", "redundant after a simultaneous rekey, and forgotten by its initiator");
      return false;
    }
    if (action === "exhausted") {
      sa.close("no-answer", this.#silenceReason(outstanding!));
      return false;
    }
    if (action !== "wait") sa.transmit(action, sa.path);
    return true;
  }

  #silenceReason(request: SealedExchange): string {
    const { path, window, state } = this.#sa;
    const where = `${path.remote} port ${path.remotePort}`;
    const tries = window.attempts;
    const fragments = request.datagrams.length;
    if (state === "initiating" && request.messageId === 0)
      return `no answer from ${where} to IKE_SA_INIT after ${tries} tries: is the address right, the device up, and UDP 500 open on the way?`;
    const cut =
      fragments > 1 ? ` (sent in ${fragments} fragments: a device or firewall on the way may drop them)` : "";
    if (state === "initiating")
      return `no answer from ${where} to IKE_AUTH after ${tries} tries${cut}: is UDP 4500 open on the way, and does the peer know this identity?`;
    return `the peer at ${where} has been silent: ${tries} tries of a request went unanswered${cut}`;
  }

  #expireFragments(now: Instant): void {
    const { channel } = this.#sa;
    if (channel === undefined) return;
    for (const response of [false, true]) {
      const reassembly = channel.reassembly(response);
      const missing = reassembly.missing();
      const { total } = reassembly;
      if (reassembly.expire(now))
        this.#sa.note("failed", [
          `fragment${missing.length === 1 ? "" : "s"} ${missing.join(", ")} of ${total} never came: the message is dropped`,
          "cause: a device on the way drops some of the peer's UDP datagrams; cure: a smaller fragment size on the peer, or fix the path",
        ]);
    }
  }

  #checkLifetime(now: Instant): void {
    const sa = this.#sa;
    if (sa.deadlines === undefined) return;
    if (sa.state === "replaced" && now >= sa.deadlines.expiresAt) {
      sa.close("rekeyed", "replaced by its successor; the peer never deleted it");
      return;
    }
    if (sa.state !== "established") return;
    if (now >= sa.deadlines.expiresAt) {
      sa.enqueue({
        kind: "delete-ike",
        cause: "expired",
        reason: "the IKE SA's lifetime ended before it was rekeyed",
      });
      sa.deadlines = { ...sa.deadlines, expiresAt: Number.POSITIVE_INFINITY };
    } else if (now >= sa.deadlines.rekeyAt && !this.#isRekeying()) {
      if (sa.connection?.reauthenticate === true && sa.initiator) {
        sa.deadlines = { ...sa.deadlines, rekeyAt: Number.POSITIVE_INFINITY };
        sa.host.reauthenticate(sa, now);
      } else sa.enqueue({ kind: "rekey-ike" });
    }
  }
}
