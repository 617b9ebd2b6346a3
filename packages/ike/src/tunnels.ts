/** All tunnels of an endpoint: configuration as it changes, dialling, duplicates, who may call. */
import { type Instant, TimerHeap } from "@tandem/sansio";
import type { ChildSa } from "./child-sa.ts";
import type { IkeConnection } from "./config.ts";
import { REPLACED_WAIT } from "./constants.ts";
import { ruleOnDuplicate, survivor } from "./duplicates.ts";
import type { DownCause, IkeInput } from "./events.ts";
import { IkeSa } from "./ike-sa.ts";
import type { IkeSaHost, Path } from "./ike-sa-host.ts";
import { ZERO_SPI } from "./message/header.ts";
import { isSameConnection } from "./same-connection.ts";
import { Tunnel } from "./tunnel.ts";

const TOOK_ITS_PLACE = "another IKE SA of the same tunnel took its place";

type Asked = Extract<
  IkeInput,
  { kind: "connection-set" | "connection-removed" | "initiate" | "terminate" | "rekey" }
>;

export class Tunnels {
  readonly #host: IkeSaHost;
  readonly #byName: Map<string, Tunnel> = new Map();
  /** By remote address; the key "" holds those that take any. */
  readonly #byRemote: Map<string, Set<Tunnel>> = new Map();
  /** Template -> the tunnels made from it. */
  readonly #instances: Map<string, Set<Tunnel>> = new Map();
  readonly #redials: TimerHeap<Tunnel> = new TimerHeap();
  /** When duplicates are looked at again. */
  readonly #settling: TimerHeap<Tunnel> = new TimerHeap();

  constructor(host: IkeSaHost) {
    this.#host = host;
  }

  [Symbol.iterator](): IterableIterator<Tunnel> {
    return this.#byName.values();
  }

  get(name: string): Tunnel | undefined {
    return this.#byName.get(name);
  }

  connectionOf(name: string): IkeConnection | undefined {
    return this.#byName.get(name)?.connection;
  }

  take(input: Asked): void {
    switch (input.kind) {
      case "connection-set": {
        this.#set(input.connection);
        return;
      }
      case "connection-removed": {
        this.#remove(input.tunnel);
        return;
      }
      case "initiate": {
        const tunnel = this.#byName.get(input.tunnel);
        if (tunnel === undefined) return;
        tunnel.held = false;
        if (tunnel.current === undefined) this.#dial(tunnel);
        return;
      }
      case "terminate": {
        const tunnel = this.#byName.get(input.tunnel);
        if (tunnel === undefined) return;
        tunnel.held = input.hold === true;
        this.#schedule(tunnel, undefined);
        this.#terminate(tunnel, input.reason, input.silent === true);
        return;
      }
      case "rekey": {
        this.#rekey(input);
        return;
      }
    }
  }

  // ── configuration ──────────────────────────────────────────────────────────

  #set(connection: IkeConnection): void {
    const known = this.#byName.get(connection.tunnel);
    if (known === undefined) {
      const tunnel = this.#add(new Tunnel(connection.tunnel, connection, undefined));
      if (tunnel.dials) this.#dial(tunnel);
      return;
    }
    const renew = !isSameConnection(known.connection, connection);
    this.#unindex(known);
    known.connection = connection;
    this.#index(known);
    for (const tunnel of [known, ...this.#instancesOf(known)]) {
      tunnel.connection = connection;
      for (const sa of tunnel.sas) if (!renew) sa.connection = connection;
      if (renew) this.#terminate(tunnel, "the connection's configuration changed", false);
    }
    if (renew && known.sas.size === 0 && known.dials) this.#dial(known);
  }

  #remove(name: string): void {
    const tunnel = this.#byName.get(name);
    if (tunnel === undefined) return;
    for (const each of [tunnel, ...this.#instancesOf(tunnel)]) {
      each.held = true;
      this.#schedule(each, undefined);
      this.#terminate(each, "the connection was removed", false);
      this.#forget(each);
    }
  }

  #add(tunnel: Tunnel): Tunnel {
    this.#byName.set(tunnel.name, tunnel);
    this.#index(tunnel);
    return tunnel;
  }

  #forget(tunnel: Tunnel): void {
    this.#byName.delete(tunnel.name);
    this.#unindex(tunnel);
  }

  #index(tunnel: Tunnel): void {
    if (tunnel.template !== undefined) {
      const instances = this.#instances.get(tunnel.template) ?? new Set();
      this.#instances.set(tunnel.template, instances.add(tunnel));
      return;
    }
    const key = tunnel.connection.remote ?? "";
    const set = this.#byRemote.get(key) ?? new Set();
    set.add(tunnel);
    this.#byRemote.set(key, set);
  }

  #unindex(tunnel: Tunnel): void {
    if (tunnel.template !== undefined) {
      const instances = this.#instances.get(tunnel.template);
      instances?.delete(tunnel);
      if (instances?.size === 0) this.#instances.delete(tunnel.template);
      return;
    }
    const key = tunnel.connection.remote ?? "";
    const set = this.#byRemote.get(key);
    set?.delete(tunnel);
    if (set?.size === 0) this.#byRemote.delete(key);
  }

  #instancesOf(template: Tunnel): Tunnel[] {
    return [...(this.#instances.get(template.name) ?? [])];
  }

  /** Those for this very address first, then those for any. */
  candidates(path: Path): IkeConnection[] {
    const of = (key: string): IkeConnection[] =>
      [...(this.#byRemote.get(key) ?? [])]
        .map((t) => t.connection)
        .filter((c) => c.local.includes(path.local));
    return [...of(path.remote), ...of("")].filter((c) => c.mode !== "InitiatorOnly");
  }

  // ── up and down ────────────────────────────────────────────────────────────

  #dial(tunnel: Tunnel, predecessor?: IkeSa): void {
    const path = predecessor?.path ?? tunnel.dialPath();
    this.#schedule(tunnel, undefined);
    if (path === undefined) {
      tunnel.reason = `no local address of the family of ${tunnel.connection.remote}`;
      return;
    }
    const sa = new IkeSa(this.#host, {
      tunnel: tunnel.name,
      template: tunnel.template,
      connection: tunnel.connection,
      initiator: true,
      initiatorSpi: this.#host.newIkeSpi(),
      responderSpi: ZERO_SPI,
      path,
      now: this.#host.now,
    });
    sa.predecessor = predecessor;
    this.#host.register(sa);
    sa.enqueue({ kind: "initiate" });
  }

  reauthenticate(sa: IkeSa): void {
    const tunnel = this.#byName.get(sa.tunnel);
    if (tunnel === undefined || tunnel.connection.remote === null) return;
    for (const other of tunnel.sas) if (other.predecessor === sa && other.state !== "closed") return;
    this.#dial(tunnel, sa);
  }

  #terminate(tunnel: Tunnel, reason: string, silent: boolean): void {
    for (const sa of [...tunnel.sas]) {
      if (silent) sa.close("lost", reason);
      else if (sa.announced) sa.enqueue({ kind: "delete-ike", cause: "asked", reason });
      else sa.close("asked", reason);
    }
  }

  #rekey(input: Extract<IkeInput, { kind: "rekey" }>): void {
    const sa = this.#byName.get(input.tunnel)?.current;
    if (sa === undefined || !sa.isUp) return;
    if (input.what === "ike") {
      sa.enqueue({ kind: "rekey-ike" });
      return;
    }
    if (input.what === "reauthenticate") {
      this.reauthenticate(sa);
      return;
    }
    for (const child of sa.children)
      if (input.childSa === undefined || child.install.childSa === input.childSa) sa.children.rekey(child);
  }

  /** An IKE SA belongs to its tunnel from its birth, when that is known. */
  enter(sa: IkeSa): void {
    if (sa.connection !== undefined) this.#byName.get(sa.tunnel)?.sas.add(sa);
  }

  established(sa: IkeSa, initialContact: boolean): void {
    const tunnel = this.#byName.get(sa.tunnel) ?? this.#instantiate(sa);
    if (tunnel === undefined) return;
    tunnel.sas.add(sa);
    tunnel.succeeded();
    this.#schedule(tunnel, undefined);
    for (const other of [...tunnel.sas]) {
      if (other === sa || other.state === "closed" || other.redundant) continue;
      // Our own attempt is not needed any more, unless it has got as far as showing who we are.
      if (!other.announced) {
        if (other.initiator && other.channel === undefined)
          other.close("replaced", "the peer's own attempt was faster");
        continue;
      }
      if (other.state === "replaced" || other.state === "deleting") continue;
      this.#meet(sa, other, tunnel, initialContact);
    }
  }

  #meet(made: IkeSa, other: IkeSa, tunnel: Tunnel, initialContact: boolean): void {
    switch (ruleOnDuplicate(made, other, initialContact)) {
      case "drop-other":
        other.close("replaced", TOOK_ITS_PLACE);
        return;
      case "delete-other":
        other.enqueue({ kind: "delete-ike", cause: "replaced", reason: TOOK_ITS_PLACE });
        return;
      case "settle-later":
        this.#settling.set(tunnel, this.#host.now + REPLACED_WAIT);
    }
  }

  /** Whatever is still double by now goes. */
  #settle(tunnel: Tunnel): void {
    const up = [...tunnel.sas].filter((sa) => sa.isUp && sa.announced);
    if (up.length < 2) return;
    const stays = survivor(up);
    for (const sa of up)
      if (sa !== stays) sa.enqueue({ kind: "delete-ike", cause: "replaced", reason: TOOK_ITS_PLACE });
  }

  #instantiate(sa: IkeSa): Tunnel | undefined {
    const template = sa.template === undefined ? undefined : this.#byName.get(sa.template);
    return template === undefined
      ? undefined
      : this.#add(new Tunnel(sa.tunnel, template.connection, template.name));
  }

  livingChild(sa: IkeSa): ChildSa | undefined {
    for (const other of this.#byName.get(sa.tunnel)?.sas ?? []) {
      if (other === sa || !other.isUp) continue;
      for (const child of other.children) if (child.state === "installed") return child;
    }
    return undefined;
  }

  /** The IKE SA that is up with this address. */
  upTo(remote: string): IkeSa | undefined {
    for (const tunnel of this.#byRemote.get(remote) ?? [])
      if (tunnel.current?.isUp === true) return tunnel.current;
    return undefined;
  }

  hasSibling(sa: IkeSa): boolean {
    for (const other of this.#byName.get(sa.tunnel)?.sas ?? [])
      if (other !== sa && other.isUp && other.announced) return true;
    return false;
  }

  isOnlyContact(sa: IkeSa): boolean {
    for (const other of this.#byName.get(sa.tunnel)?.sas ?? [])
      if (other !== sa && other.state !== "closed") return false;
    return true;
  }

  ended(sa: IkeSa, cause: DownCause, reason: string): void {
    const tunnel = this.#byName.get(sa.tunnel);
    if (!sa.announced && sa.tunnel !== "" && cause !== "asked" && cause !== "replaced" && cause !== "rekeyed")
      this.#host.emit({ kind: "ike-failed", tunnel: sa.tunnel, cause, reason });
    this.#releaseAddresses(sa, cause);
    if (tunnel === undefined) return;
    tunnel.sas.delete(sa);
    const superseded = cause === "rekeyed" || cause === "replaced";
    // The peer has left the old one: it has the new one.
    if (cause === "replaced") this.#takeOver(tunnel);
    if (tunnel.current !== undefined && [...tunnel.sas].some((other) => other.state !== "closed")) {
      // A reauthentication that failed: the old one stands, so try again in its time.
      if (sa.predecessor !== undefined && !sa.announced && tunnel.dials) this.#redialLater(tunnel);
      return;
    }
    if (tunnel.template !== undefined) {
      this.#forget(tunnel);
      return;
    }
    if (!superseded) tunnel.reason = reason;
    if (tunnel.dials && cause !== "lost") this.#redialLater(tunnel);
  }

  #takeOver(tunnel: Tunnel): void {
    for (const other of tunnel.sas)
      if (other.isUp) for (const child of other.children) other.children.takeOver(child);
  }

  #releaseAddresses(sa: IkeSa, cause: DownCause): void {
    const given = sa.virtualAddresses?.remote ?? [];
    const { connection } = sa;
    if (
      given.length === 0 ||
      connection?.addressPool === undefined ||
      cause === "rekeyed" ||
      cause === "replaced"
    )
      return;
    const pool = this.#host.pools.of(connection.tunnel, connection.addressPool);
    for (const address of given) pool.release(address);
  }

  // ── time ───────────────────────────────────────────────────────────────────

  #redialLater(tunnel: Tunnel): void {
    tunnel.redialLater(this.#host.now, this.#host.random);
    this.#redials.set(tunnel, tunnel.redialAt);
  }

  #schedule(tunnel: Tunnel, at: Instant | undefined): void {
    tunnel.redialAt = at;
    this.#redials.set(tunnel, at);
  }

  nextTimeout(): Instant | undefined {
    const [redial, settle] = [this.#redials.next(), this.#settling.next()];
    return redial === undefined ? settle : Math.min(redial, settle ?? redial);
  }

  handleTimeout(now: Instant): void {
    for (let tunnel = this.#settling.expire(now); tunnel !== undefined; tunnel = this.#settling.expire(now))
      this.#settle(tunnel);
    for (let tunnel = this.#redials.expire(now); tunnel !== undefined; tunnel = this.#redials.expire(now)) {
      tunnel.redialAt = undefined;
      if (!tunnel.dials) continue;
      const { current } = tunnel;
      if (current === undefined) this.#dial(tunnel);
      else if (current.connection?.reauthenticate === true && current.isUp) this.reauthenticate(current);
    }
  }
}
