/**
 * The tunnels of one seat as the data plane and the FIB know them: which exist, which connection each belongs to, which
 * prefixes they carry while they are up, which virtual addresses were given or taken.
 *
 * A connection without a fixed remote is a template: each peer that comes gets a tunnel of its own, named by IKE.
 */
import type { ConnectionConfig } from "@tandem/contract";
import type { SeatContext } from "./seat-context.ts";

/** What IKE negotiated: ours when we asked, the peer's when we gave. */
export interface VirtualAddresses {
  readonly local: readonly string[];
  readonly remote: readonly string[];
}

type Context = Pick<SeatContext, "dataPlane" | "fib" | "flushFib" | "virtualAddress" | "log">;

export class SeatTunnels {
  readonly #seat: string;
  readonly #context: Context;
  readonly #connections = new Map<string, ConnectionConfig>();
  /** Tunnel made from a template -> the template's own tunnel. */
  readonly #templates = new Map<string, string>();
  readonly #virtual = new Map<string, readonly string[]>();

  constructor(seat: string, context: Context) {
    this.#seat = seat;
    this.#context = context;
  }

  /** The connection that a tunnel belongs to, also one that was made from a template. */
  connection(tunnel: string): ConnectionConfig | undefined {
    return this.#connections.get(this.#templates.get(tunnel) ?? tunnel);
  }

  connections(): IterableIterator<ConnectionConfig> {
    return this.#connections.values();
  }

  isInstance(tunnel: string): boolean {
    return this.#templates.has(tunnel);
  }

  set(connection: ConnectionConfig): void {
    const { tunnel } = connection;
    const before = this.#connections.get(tunnel);
    if (before !== undefined && before.remote.address !== connection.remote.address) this.remove(tunnel);
    const isNew = !this.#connections.has(tunnel);
    this.#connections.set(tunnel, connection);
    if (isNew && connection.remote.address !== null) this.#add(tunnel, connection, connection.remote.address);
  }

  /** A peer of a template. */
  addInstance(tunnel: string, template: string, remote: string): void {
    const connection = this.#connections.get(template);
    if (connection === undefined || this.#templates.has(tunnel)) return;
    this.#templates.set(tunnel, template);
    this.#add(tunnel, connection, remote);
  }

  /** A connection's tunnel, with every instance when it is a template; or one instance. */
  remove(tunnel: string): void {
    const connection = this.connection(tunnel);
    if (connection === undefined) return;
    for (const [instance, template] of [...this.#templates]) if (template === tunnel) this.remove(instance);
    this.setVirtual(tunnel, undefined);
    this.#context.fib.withdrawAll(tunnel);
    this.#context.flushFib();
    const exists = connection.remote.address !== null || this.#templates.has(tunnel);
    this.#templates.delete(tunnel);
    this.#connections.delete(tunnel);
    if (exists) this.#command({ kind: "remove-tunnel", tunnel });
  }

  removeAll(): void {
    for (const tunnel of [...this.#connections.keys()]) this.remove(tunnel);
  }

  /** Replaces what the tunnel itself claims in the FIB; nothing while it is down. */
  claimRoutes(tunnel: string, up: boolean): void {
    const { fib } = this.#context;
    const connection = this.connection(tunnel);
    fib.withdrawAll(tunnel);
    if (!up || connection === undefined) return;
    for (const prefix of connection.staticPrefixes) fib.claim(tunnel, "static", prefix, [tunnel]);
    if (connection.bgp !== undefined) {
      fib.claim(tunnel, "host-route", hostPrefix(connection.bgp.neighbor), [tunnel]);
    }
    if (connection.requestAddress) return;
    for (const address of this.#virtual.get(tunnel) ?? []) {
      fib.claim(tunnel, "pool", hostPrefix(address), [tunnel]);
    }
  }

  /** Addresses that we were given stand on this host; those that we gave are routes to the peer's tunnel. */
  setVirtual(tunnel: string, addresses: VirtualAddresses | undefined): void {
    const connection = this.connection(tunnel);
    if (connection === undefined) return;
    const before = this.#virtual.get(tunnel) ?? [];
    const now = (connection.requestAddress ? addresses?.local : addresses?.remote) ?? [];
    if (now.length === 0) this.#virtual.delete(tunnel);
    else this.#virtual.set(tunnel, now);
    if (!connection.requestAddress) return;
    const { fib, flushFib, virtualAddress } = this.#context;
    const claimant = `virtual|${tunnel}`;
    fib.withdrawAll(claimant);
    for (const address of now) fib.claimInside(claimant, hostPrefix(address));
    flushFib();
    for (const address of before) if (!now.includes(address)) virtualAddress(address, false);
    for (const address of now) if (!before.includes(address)) virtualAddress(address, true);
  }

  #add(tunnel: string, connection: ConnectionConfig, remote: string): void {
    this.#command({ kind: "add-tunnel", tunnel, connection: connection.name, seat: this.#seat, remote });
  }

  #command(command: Parameters<Context["dataPlane"]["command"]>[0]): void {
    this.#context.dataPlane.command(command).catch((error: unknown) => {
      this.#context.log("error", `data plane refused ${command.kind}: ${String(error)}`, {
        seat: this.#seat,
      });
    });
  }
}

export const hostPrefix = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;
