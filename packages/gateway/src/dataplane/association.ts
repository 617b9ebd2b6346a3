/** Child SAs and tunnels as commands change them: install, switch, move, remove, export. Never on the packet path. */
import { ChildSa, innerMtu, type PacketCipherBackend, type TunnelEndpoints } from "@tandem/esp";
import type { DatagramSocket } from "@tandem/linux";
import { addressFamily, parseAddress } from "@tandem/wire";
import type { Command } from "./commands.ts";
import type { OuterSockets } from "./outer-sockets.ts";
import type { PathMtus } from "./path-mtu.ts";
import type { Plane } from "./plane.ts";
import { SlotPool } from "./shared-counters.ts";
import { type InstalledSa, type OuterPath, Tunnel } from "./tunnel.ts";

type CommandOf<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/** Thrown while a command is applied, answered as `refused`. */
export class Refusal extends Error {}

export class Associations {
  readonly #plane: Plane;
  readonly #sockets: OuterSockets;
  readonly #backend: PacketCipherBackend;
  readonly #pathMtus: PathMtus;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #tunnelSlots: SlotPool;
  readonly #saSlots: SlotPool;

  constructor(plane: Plane, sockets: OuterSockets, backend: PacketCipherBackend, pathMtus: PathMtus) {
    this.#plane = plane;
    this.#sockets = sockets;
    this.#backend = backend;
    this.#pathMtus = pathMtus;
    this.#tunnelSlots = new SlotPool(plane.counters, "tunnel");
    this.#saSlots = new SlotPool(plane.counters, "child-sa");
  }

  get tunnels(): ReadonlyMap<string, Tunnel> {
    return this.#tunnels;
  }

  readonly resolve = (tunnel: string): Tunnel | undefined => this.#tunnels.get(tunnel);

  /** Returns the tunnel's slot in the counters. */
  addTunnel(command: CommandOf<"add-tunnel">): { readonly slot: number } {
    if (this.#tunnels.has(command.tunnel)) throw new Refusal(`tunnel ${command.tunnel} exists`);
    const slot = this.#tunnelSlots.take();
    if (slot < 0) throw new Refusal("no counter slot is left for another tunnel");
    this.#tunnels.set(command.tunnel, new Tunnel(command, slot));
    this.#plane.routes.resolveAll(this.resolve);
    return { slot };
  }

  removeTunnel(id: string): void {
    const tunnel = this.#tunnel(id);
    for (const childSa of [...tunnel.installed.keys()]) this.removeChildSa(childSa);
    this.#tunnels.delete(id);
    this.#tunnelSlots.release(tunnel.slot);
    this.#plane.routes.resolveAll(this.resolve);
  }

  /** Returns the Child SA's slot in the counters. */
  addChildSa(command: CommandOf<"add-child-sa">): { readonly slot: number } {
    const tunnel = this.#tunnel(command.tunnel);
    const { sad, arena, counters } = this.#plane;
    const { sa: parameters, sequence, live } = command;
    if (sad.get(parameters.id) !== undefined) throw new Refusal(`Child SA ${parameters.id} exists`);
    if (sad.hasSpi(parameters.spiIn)) throw new Refusal(`inbound SPI ${hex(parameters.spiIn)} is taken`);
    const socket = this.#socketFor(parameters.endpoints);
    const slot = this.#saSlots.take();
    if (slot < 0) throw new Refusal("no counter slot is left for another Child SA");
    try {
      const sa = new ChildSa(parameters, sequence, live, this.#backend, arena, counters, slot);
      const path = this.#makePath(sa, socket, parameters.endpoints);
      const installed: InstalledSa = {
        sa,
        tunnel,
        slot,
        path,
        remote: parseAddress(parameters.endpoints.remote)!,
        remotePort: parameters.endpoints.udp?.remotePort ?? 0,
        movedTo: "",
        sequenceAsked: -1,
        heard: false,
        touched: false,
      };
      sad.add(installed);
      tunnel.installed.set(sa.id, installed);
    } catch (error) {
      this.#saSlots.release(slot);
      throw error;
    }
    return { slot };
  }

  switchOutbound(tunnelId: string, childSa: string): void {
    const tunnel = this.#tunnel(tunnelId);
    const installed = tunnel.installed.get(childSa);
    if (installed === undefined) throw new Refusal(`tunnel ${tunnelId} has no Child SA ${childSa}`);
    tunnel.switchTo(installed);
  }

  removeChildSa(id: string): void {
    const installed = this.#plane.sad.remove(id);
    if (installed === undefined) throw new Refusal(`there is no Child SA ${id}`);
    const { tunnel } = installed;
    tunnel.installed.delete(id);
    tunnel.outbound = tunnel.outbound.filter((o) => o !== installed);
    installed.path.path.release();
    installed.sa.destroy();
    this.#saSlots.release(installed.slot);
  }

  /** A seat that goes takes its tunnels with it: nothing of it can be sent or received here any more. */
  removeSeat(seat: string): void {
    for (const tunnel of [...this.#tunnels.values()]) if (tunnel.seat === seat) this.removeTunnel(tunnel.id);
  }

  /** Routes of the seat's tunnels go over other seats' tunnels, where there are any. */
  leaveSeat(seat: string, on: boolean): void {
    for (const tunnel of this.#tunnels.values()) if (tunnel.seat === seat) tunnel.leaving = on;
    this.#plane.routes.resolveAll(this.resolve);
  }

  get(id: string): InstalledSa {
    const installed = this.#plane.sad.get(id);
    if (installed === undefined) throw new Refusal(`there is no Child SA ${id}`);
    return installed;
  }

  moveEndpoint(command: CommandOf<"move-endpoint">): void {
    const installed = this.get(command.childSa);
    const { sa } = installed;
    const before = sa.endpoints;
    const endpoints: TunnelEndpoints = {
      local: before.local,
      remote: command.remote,
      ...(before.udp && { udp: { localPort: before.udp.localPort, remotePort: command.remotePort } }),
    };
    const remote = parseAddress(command.remote);
    if (remote?.length !== parseAddress(before.local)!.length) {
      throw new Refusal(`"${command.remote}" is no address of the same family as ${before.local}`);
    }
    const path = this.#makePath(sa, this.#socketFor(endpoints), endpoints);
    installed.path.path.release();
    installed.path = path;
    installed.remote = remote;
    installed.remotePort = command.remotePort;
    installed.movedTo = "";
    sa.endpoints = endpoints;
  }

  destroyAll(): void {
    for (const id of [...this.#tunnels.keys()]) this.removeTunnel(id);
  }

  #tunnel(id: string): Tunnel {
    const tunnel = this.#tunnels.get(id);
    if (tunnel === undefined) throw new Refusal(`there is no tunnel ${id}`);
    return tunnel;
  }

  #socketFor(endpoints: TunnelEndpoints): DatagramSocket {
    const { local, udp } = endpoints;
    const found = this.#sockets.find(local, udp?.localPort ?? 0, udp === undefined ? "esp" : "ike-or-esp");
    if (found === undefined) {
      const what = udp === undefined ? "IP protocol 50" : `UDP port ${udp.localPort}`;
      throw new Refusal(`no seat here has ${what} on ${local}`);
    }
    return found.socket;
  }

  #makePath(sa: ChildSa, socket: DatagramSocket, endpoints: TunnelEndpoints): OuterPath {
    const { settings } = this.#plane;
    const udp = endpoints.udp !== undefined;
    const family = addressFamily(endpoints.local);
    const path = socket.createPath(endpoints.local, endpoints.remote, endpoints.udp?.remotePort ?? 0);
    const outerMtu = this.#pathMtus.between(path.local, path.remote);
    return {
      socket,
      path,
      family,
      udp,
      segmentation: udp && settings.outerOffload,
      outerMtu,
      innerMtu: innerMtu(sa.outbound.cipher, outerMtu, family, udp),
    };
  }
}

const hex = (spi: number): string => `0x${spi.toString(16).padStart(8, "0")}`;
