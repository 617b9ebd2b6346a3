/**
 * Reading list: RFC 4271 §4.2, §8.2.2 (Established); RFC 2918; RFC 4486; RFC 9687.
 * One established session: what was negotiated, the UPDATEs that come, and the UPDATEs that go as fast as the peer
 * reads. Nothing is queued for a peer that does not read: see `AdjRibOut`.
 */
import { type Instant, seconds } from "@tandem/sansio";
import { formatAddress, parseAddress } from "@tandem/wire";
import type { Family, PeerConfig } from "./config.ts";
import type { Connection } from "./connection.ts";
import { LOGGED_ERRORS, SEND_HOLD_TIME_SECONDS, SEND_WINDOW_BYTES } from "./constants.ts";
import type { Core } from "./core.ts";
import { type BgpError, bgpError } from "./errors.ts";
import type { RestartHelper } from "./graceful-restart.ts";
import { Cease, ErrorCode } from "./iana.ts";
import { familyAfi, familyOf } from "./message/capability.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./message/route-refresh.ts";
import { type Negotiated, negotiate } from "./open-exchange.ts";
import type { Policy } from "./policy.ts";
import { PolicyProgram } from "./policy-program.ts";
import type { AdjRibIn } from "./rib/adj-rib-in.ts";
import { AdjRibOut } from "./rib/adj-rib-out.ts";
import { UpdateEncoder } from "./rib/update-encoder.ts";
import { Timer } from "./timer-queue.ts";
import { describeUpdate } from "./update-description.ts";
import { type UpdateCounters, type UpdateOutcome, UpdateReceiver } from "./update-receiver.ts";

/** One buffer serves every session of the process: it is emptied before the next one uses it. */
const ENCODER: UpdateEncoder = new UpdateEncoder();

export class Session {
  readonly connection: Connection;
  readonly negotiated: Negotiated;
  readonly since: Instant;
  readonly #core: Core;
  readonly #receiver: UpdateReceiver;
  readonly #outs: Map<Family, AdjRibOut> = new Map();
  readonly #helper: RestartHelper;
  readonly #sendHold: Timer;
  /** What `connection.sent` was, and for how many half send hold times it has been that. */
  #sentBefore = 0;
  #halvesStill = 0;
  #survived = 0;
  updatesSent = 0;
  updatesReceived = 0;
  /** Families whose End-of-RIB has come. */
  readonly #complete: Set<Family> = new Set();

  constructor(
    core: Core,
    config: PeerConfig,
    peerIndex: number,
    connection: Connection,
    peer: {
      readonly routes: AdjRibIn;
      readonly helper: RestartHelper;
      readonly counters: UpdateCounters;
    },
    now: Instant,
    stuck: (now: Instant) => void,
  ) {
    this.#core = core;
    this.connection = connection;
    this.negotiated = negotiate(config, connection.open!);
    this.since = now;
    this.#helper = peer.helper;
    const external = config.asn !== core.config.asn;
    const fourOctetAs = this.negotiated.fourOctetAs;
    const families = new Set(this.negotiated.families);
    const context = { external, fourOctetAs, families };
    this.#receiver = new UpdateReceiver(core, peer.routes, context, peer.counters);
    const policy = new PolicyProgram(config.exportPolicy);
    for (const family of families) {
      const context = {
        peer: peerIndex,
        external,
        localAsn: core.config.asn,
        fourOctetAs,
        nextHop: ownNextHop(config, family, connection.localAddress),
        nextHopSelf: config.nextHopSelf ?? true,
      };
      const rib = core.ribs[family];
      this.#outs.set(
        family,
        new AdjRibOut(rib, core.attributes, core.encoded, core.facts, policy, context, (prefix) =>
          core.tagOf(family, prefix),
        ),
      );
    }
    // RFC 9687 §5: the greater of eight minutes and twice the hold time.
    const half = seconds(Math.max(SEND_HOLD_TIME_SECONDS, 2 * (config.holdTime ?? 0))) / 2;
    this.#sendHold = new Timer((at) => {
      const moved = connection.unsent === 0 || connection.sent !== this.#sentBefore;
      this.#sentBefore = connection.sent;
      this.#halvesStill = moved ? 0 : this.#halvesStill + 1;
      if (this.#halvesStill < 2) core.timers.start(this.#sendHold, at + half);
      else stuck(at);
    });
    core.timers.start(this.#sendHold, now + half);
    core.wake();
  }

  get advertised(): number {
    let n = 0;
    for (const out of this.#outs.values()) n += out.advertised;
    return n;
  }

  out(family: Family): AdjRibOut | undefined {
    return this.#outs.get(family);
  }

  receiveUpdate(bytes: Uint8Array, start: number, end: number): UpdateOutcome | undefined {
    this.updatesReceived++;
    const outcome = this.#receiver.receive(bytes, start, end);
    if (outcome?.kind === "error") this.#report(outcome.error.detail, bytes, start, end);
    if (outcome?.kind === "end-of-rib") this.#endOfRib(outcome.family);
    if (this.#core.full()) {
      return { kind: "error", error: bgpError(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES, "the table is full") };
    }
    if (outcome?.kind === "survived") {
      const n = ++this.#survived;
      if (n <= LOGGED_ERRORS || n % 1000 === 0) this.#report(outcome.detail, bytes, start, end);
    }
    return outcome;
  }

  /** RFC 7606 §6: the prefixes that are concerned, and the whole message. */
  #report(detail: string, bytes: Uint8Array, start: number, end: number): void {
    const message = `${detail}; ${describeUpdate(bytes, start, end, this.negotiated.fourOctetAs)}`;
    this.#core.emit({ kind: "log", level: "warning", peer: this.connection.peer, message });
  }

  #endOfRib(family: Family): void {
    if (!this.negotiated.families.includes(family)) return;
    this.#helper.endOfRib(family);
    this.#complete.add(family);
    if (this.negotiated.families.every((f) => this.#complete.has(f))) {
      this.#core.deferral.settled(this.connection.peer);
      this.#core.wake();
    }
  }

  /** RFC 2918 §4. A refresh for a family that was not negotiated is ignored. */
  receiveRefresh(bytes: Uint8Array, start: number, end: number): BgpError | undefined {
    const decoded = decodeRouteRefresh(bytes, start, end);
    if (!decoded.ok) return decoded.error;
    const family = familyOf(decoded.value.afi, decoded.value.safi);
    // RFC 7313 §4: subtypes are for speakers that both offered the enhanced form; others are ignored.
    if (family !== undefined && decoded.value.subtype === 0) this.#outs.get(family)?.refresh();
    this.#core.wake();
    return undefined;
  }

  /** False when the peer cannot refresh. */
  askRefresh(): boolean {
    if (!this.negotiated.routeRefresh) return false;
    for (const family of this.negotiated.families) {
      this.connection.write(encodeRouteRefresh(familyAfi(family), 1), 1);
    }
    return true;
  }

  sendAgain(): void {
    for (const out of this.#outs.values()) out.refresh();
  }

  replaceExportPolicy(policy: Policy | undefined): void {
    const program = new PolicyProgram(policy);
    for (const out of this.#outs.values()) out.replacePolicy(program);
  }

  get pending(): boolean {
    if (this.#core.deferral.active || this.connection.unsent >= SEND_WINDOW_BYTES) return false;
    for (const out of this.#outs.values()) if (out.pending) return true;
    return false;
  }

  /** One `write` effect's worth of UPDATEs. Returns how many prefixes were looked at. */
  produce(): number {
    let looked = 0;
    for (const out of this.#outs.values()) if (out.pending) looked += out.produce(ENCODER);
    if (ENCODER.length > 0) {
      const messages = ENCODER.messages;
      this.updatesSent += messages;
      ENCODER.messages = 0;
      this.connection.write(ENCODER.take(), messages);
    }
    return looked;
  }

  close(): void {
    this.#core.timers.stop(this.#sendHold);
    for (const out of this.#outs.values()) this.#core.schedule(out.close());
    this.#outs.clear();
  }
}

/** RFC 4486 §4: AFI, SAFI and the bound. */
export function tooManyPrefixes(limit: number): BgpError {
  const data = Uint8Array.of(
    0,
    1,
    1,
    limit >>> 24,
    (limit >>> 16) & 0xff,
    (limit >>> 8) & 0xff,
    limit & 0xff,
  );
  return bgpError(ErrorCode.CEASE, Cease.MAXIMUM_PREFIXES, `more than ${limit} prefixes`, data);
}

function ownNextHop(config: PeerConfig, family: Family, localAddress: string): Uint8Array {
  const configured = family === "ipv4-unicast" ? config.nextHop?.ipv4 : config.nextHop?.ipv6;
  const local = parseAddress(configured ?? localAddress) ?? new Uint8Array(4);
  if (family === "ipv4-unicast") {
    // Over an IPv6 session without a configured address there is no IPv4 next hop to give but the mapped one.
    return local.length === 4 ? local : local.slice(12);
  }
  if (local.length === 16) return local;
  return parseAddress(`::ffff:${formatAddress(local)}`) ?? new Uint8Array(16);
}
