/** The peers of a speaker by name, address and index, and what a new configuration does to them. */
import type { Instant } from "@tandem/sansio";
import { canonicalAddress } from "@tandem/wire";
import type { PeerConfig } from "./config.ts";
import { type Core, FAMILIES } from "./core.ts";
import { Cease } from "./iana.ts";
import { ceaseWith } from "./message/notification.ts";
import { type ConnectionBook, Peer } from "./peer.ts";
import { checkPolicy } from "./policy-program.ts";

export class PeerTable {
  readonly byName: Map<string, Peer> = new Map();
  readonly byAddress: Map<string, Peer> = new Map();
  /** Index 0 is the speaker itself. */
  readonly byIndex: (Peer | undefined)[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #core: Core;
  readonly #book: ConnectionBook;

  constructor(core: Core, book: ConnectionBook) {
    this.#core = core;
    this.#book = book;
  }

  /** Adds or changes a peer. Throws a RangeError that names what cannot be used, before anything has changed. */
  set(config: PeerConfig, now: Instant): void {
    const neighbor = canonicalAddress(config.neighbor);
    if (neighbor === undefined) throw new RangeError(`peer ${config.name}: no address: ${config.neighbor}`);
    const hold = config.holdTime ?? 180;
    if (hold === 1 || hold === 2) throw new RangeError(`peer ${config.name}: hold time ${hold}`);
    for (const policy of [config.importPolicy, config.exportPolicy])
      if (policy !== undefined) checkPolicy(policy);
    const old = this.byName.get(config.name);
    if (old === undefined) {
      this.#add({ ...config, neighbor }, now);
      return;
    }
    const before = old.config;
    if (before.asn !== config.asn || before.neighbor !== neighbor) {
      this.remove(config.name, now);
      this.#add({ ...config, neighbor }, now);
      return;
    }
    old.config = { ...config, neighbor };
    if (sessionKey(before) !== sessionKey(old.config)) {
      old.reset(now, Cease.OTHER_CONFIGURATION_CHANGE, "configuration changed");
    }
    if (JSON.stringify(before.importPolicy) !== JSON.stringify(config.importPolicy)) {
      old.routes.replacePolicy(config.importPolicy);
    }
    if (JSON.stringify(before.exportPolicy) !== JSON.stringify(config.exportPolicy)) {
      old.session?.replaceExportPolicy(config.exportPolicy);
    }
  }

  #add(config: PeerConfig, now: Instant): void {
    if (this.byAddress.has(config.neighbor)) {
      throw new RangeError(`peer ${config.name}: ${config.neighbor} is already a peer`);
    }
    const index = this.#freeIndexes.pop() ?? Math.max(1, this.byIndex.length);
    const peer = new Peer(this.#core, index, config, this.#book);
    this.byIndex[index] = peer;
    this.byName.set(config.name, peer);
    this.byAddress.set(config.neighbor, peer);
    if (config.enabled !== false) peer.start(now);
  }

  remove(name: string, now: Instant): void {
    const peer = this.byName.get(name);
    if (peer === undefined) return;
    peer.stop(now, ceaseWith(Cease.PEER_DECONFIGURED, ""), "removed");
    peer.dispose();
    this.byName.delete(name);
    this.byAddress.delete(peer.config.neighbor);
    for (const family of FAMILIES) peer.routes.flush(family);
    // Jobs run in order: when this one's turn comes, the flush is done and the index may name another peer.
    this.#core.schedule({
      step: () => {
        if (peer.routes.held > 0) return false;
        peer.routes.close();
        for (const family of FAMILIES) this.#core.ribs[family].removePeer(peer.index);
        this.#core.facts[peer.index] = undefined;
        this.byIndex[peer.index] = undefined;
        this.#freeIndexes.push(peer.index);
        return true;
      },
    });
  }
}

/** Everything that a session was made with: a change of it needs a new session. */
function sessionKey(c: PeerConfig): string {
  return JSON.stringify([
    c.localAddress,
    c.remotePort,
    c.passive,
    c.holdTime,
    c.keepaliveTime,
    c.fixedTimers,
    c.md5,
    c.ttlSecurity,
    c.families,
    c.nextHop,
    c.nextHopSelf,
    c.gracefulRestart,
  ]);
}
