/**
 * Reading list: RFC 4724 §4.1 (the restarting speaker). A seat's speaker written down for a partner, and taken up
 * again: routes are in use (stale) before any session is back, and nothing is advertised until the peers have told
 * their routes or the deferral time is over.
 */
import { type Instant, seconds } from "@tandem/sansio";
import { formatAddress, parseAddress, parsePrefix } from "@tandem/wire";
import { decodeAttributes } from "./attributes/decode.ts";
import { encodeAttributes } from "./attributes/encode.ts";
import { withoutNextHop } from "./attributes/plain-scan.ts";
import type { Family } from "./config.ts";
import { type Core, FAMILIES } from "./core.ts";
import { restartTime } from "./graceful-restart.ts";
import { familyOfPrefix } from "./networks.ts";
import type { Peer } from "./peer.ts";
import { ipv4Text } from "./rib/prefix-table.ts";
import type { PeerSessionState, SavedRoutes } from "./speaker-state.ts";
import { Timer, type TimerQueue } from "./timer-queue.ts";

/** Selection_Deferral_Timer and who is still waited for. */
export class Deferral {
  readonly #waiting: Set<string> = new Set();
  readonly #timers: TimerQueue;
  readonly #timer: Timer;
  readonly #seconds: number;

  constructor(timers: TimerQueue, deferralSeconds: number) {
    this.#timers = timers;
    this.#seconds = deferralSeconds;
    this.#timer = new Timer(() => this.#waiting.clear());
  }

  get active(): boolean {
    return this.#waiting.size > 0;
  }

  begin(peers: readonly string[], now: Instant): void {
    for (const peer of peers) this.#waiting.add(peer);
    if (this.active) this.#timers.start(this.#timer, now + seconds(this.#seconds));
  }

  settled(peer: string): void {
    if (this.#waiting.delete(peer) && !this.active) this.#timers.stop(this.#timer);
  }
}

export function savePeer(peer: Peer): PeerSessionState | undefined {
  const session = peer.session;
  // A seat may go on to the next adopter before this one has got through to the peer.
  if (session === undefined) return peer.helper.resumed;
  const { connection, negotiated } = session;
  const kept = connection.open?.capabilities.gracefulRestart;
  return {
    peer: peer.config.name,
    neighbor: peer.config.neighbor,
    localAddress: connection.localAddress,
    localPort: connection.localPort,
    remotePort: connection.remotePort,
    gracefulRestart: keepsOurRoutes(peer),
    restartSeconds: kept === undefined ? 0 : restartTime(peer.config.gracefulRestart),
    families: negotiated.families,
  };
}

/** RFC 4724 §4.2: both offered it, and we offered as one that restarts. */
export function keepsOurRoutes(peer: Peer): boolean {
  const offer = peer.session?.connection.open?.capabilities.gracefulRestart;
  return offer !== undefined && (peer.config.gracefulRestart?.restarter ?? false);
}

export function saveRoutes(core: Core, peer: Peer): SavedRoutes[] {
  const saved: SavedRoutes[] = [];
  for (const family of FAMILIES) {
    const rib = core.ribs[family];
    const prefixes = new Map<number, string[]>();
    for (let p = peer.routes.share(family).head; p !== 0; p = rib.paths.peerNext[p]!) {
      const set = rib.paths.received[p]!;
      const list = prefixes.get(set);
      if (list === undefined) prefixes.set(set, [rib.table.text(rib.paths.prefix[p]!)]);
      else list.push(rib.table.text(rib.paths.prefix[p]!));
    }
    for (const [set, list] of prefixes) {
      const a = core.attributes.get(set);
      const { plain } = a;
      saved.push({
        peer: peer.config.name,
        family,
        // Bytes that were never decoded are not decoded for this either.
        attributes:
          plain === undefined
            ? encodeAttributes(a, { fourOctetAs: true, nextHop: false })
            : withoutNextHop(plain),
        nextHop: plain === undefined ? formatAddress(a.nextHop) : ipv4Text(a.nextHop4),
        prefixes: list,
      });
    }
  }
  return saved;
}

/** Puts saved routes under their peer, stale from the start. What cannot be read is skipped and counted. */
export function restoreRoutes(core: Core, peer: Peer, saved: SavedRoutes): number {
  const family: Family = saved.family;
  const nextHop = parseAddress(saved.nextHop);
  const external = peer.config.asn !== core.config.asn;
  const decoded = decodeAttributes(saved.attributes, 0, saved.attributes.length, {
    external,
    fourOctetAs: true,
  });
  if (decoded.attributes === undefined || nextHop === undefined) return saved.prefixes.length;
  const set = core.attributes.addLocal({ ...decoded.attributes, nextHop });
  core.attributes.retain(set);
  let skipped = 0;
  for (const text of saved.prefixes) {
    const prefix = parsePrefix(text);
    if (prefix === undefined || familyOfPrefix(prefix) !== family) {
      skipped++;
      continue;
    }
    const octets = (prefix.length + 7) >> 3;
    const nlri = Uint8Array.from([prefix.length, ...prefix.bytes.subarray(0, octets)]);
    peer.routes.announce(family, nlri, 0, nlri.length, set);
  }
  core.attributes.release(set);
  return skipped;
}
