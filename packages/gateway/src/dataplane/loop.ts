/**
 * The packet loop of one data plane: what it is made of, and one turn of it.
 *
 *      poll ─▶ commands ─▶ sockets ─▶ joins written ─▶ TUN ─▶ batches sent ─▶ poll
 *
 * A turn takes a bounded number of reads from each source, so that neither direction starves the other, and leaves
 * nothing behind: at its end every join has been written and every batch sent.
 */
import { type PacketCipherBackend, Sad } from "@tandem/esp";
import type { OwnedArena, SendBatch, TunDevice } from "@tandem/linux";
import { Activity } from "./activity.ts";
import { Associations, Refusal } from "./association.ts";
import { type Checksum, wordChecksum } from "./checksum.ts";
import type { Command, DataPlaneEvent } from "./commands.ts";
import { explain } from "./explain.ts";
import { FlowSpread } from "./flow-spread.ts";
import { Inbound } from "./inbound.ts";
import type { InsideSender } from "./inside-sender.ts";
import { Joiner } from "./join.ts";
import { DEFAULT_SETTINGS, type PlaneSettings } from "./options.ts";
import { Outbound } from "./outbound.ts";
import { OuterBatch } from "./outer-batch.ts";
import {
  NAT_TRAVERSAL_PORT,
  OuterSockets,
  type PolledSocket,
  type Poller,
  type SocketFactory,
} from "./outer-sockets.ts";
import { PathMtus } from "./path-mtu.ts";
import type { Plane } from "./plane.ts";
import { allocateRegions, MAX_PACKET } from "./regions.ts";
import { RouteTable } from "./route-table.ts";
import { LoopCounter, TUNNEL_FLOWS } from "./shared-counters.ts";
import { Tap } from "./tap.ts";
import { TunInput } from "./tun-input.ts";
import type { InstalledSa } from "./tunnel.ts";

/** Implementation: reads of the TUN per turn; each may be 64 KB. */
const TUN_READS = 16;
/** Seconds for which a flow counts after its last packet. */
const FLOW_MEMORY = 10;

export interface LoopParts {
  readonly arena: OwnedArena;
  readonly tun: TunDevice;
  readonly sockets: SocketFactory;
  readonly poller: Poller;
  /** Waits up to `ms` for room to send. */
  readonly waitWritable: (fd: number, ms: number) => boolean;
  readonly backend: PacketCipherBackend;
  /** Several packets by one call, for protocol 50; absent: one call each. */
  readonly sendBatch?: SendBatch;
  /** Sends ICMP errors to the inside; absent: through the TUN. */
  readonly toInside?: InsideSender;
  readonly counters: Float64Array;
  readonly settings?: Partial<PlaneSettings>;
  readonly checksum?: Checksum;
  readonly emit: (event: DataPlaneEvent) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class PacketLoop {
  readonly #plane: Plane;
  readonly #poller: Poller;
  /** Negative while a seat is held as a whole: what comes from inside waits in the TUN's queue. */
  #tunSlot: number;
  readonly #sockets: OuterSockets;
  readonly #associations: Associations;
  readonly #pathMtus: PathMtus;
  readonly #batch: OuterBatch;
  readonly #joiner: Joiner;
  readonly #inbound: Inbound;
  readonly #input: TunInput;
  readonly #now: () => number;
  readonly #started: number;
  readonly #tunHeldFor = new Set<string>();
  /** Commands that are answered by the first turn that finds every queue empty. */
  #dry: number[] = [];
  /** Counter slots of tunnels with flows, as of the last tick. */
  #flowing: Iterable<number> = [];
  #busy = false;
  #stopped = false;

  constructor(parts: LoopParts) {
    const { arena, poller } = parts;
    const now = parts.now();
    const clock = { now, tick: 0 };
    this.#plane = {
      arena,
      regions: allocateRegions(arena),
      tun: parts.tun,
      checksum: parts.checksum ?? wordChecksum(arena),
      settings: { ...DEFAULT_SETTINGS, ...parts.settings },
      counters: parts.counters,
      routes: new RouteTable(),
      spread: new FlowSpread(arena.view),
      sad: new Sad<InstalledSa>(),
      tap: new Tap(arena, parts.emit, clock, parts.counters),
      sendBatch: parts.sendBatch,
      toInside: parts.toInside,
      heard: new Activity("heard"),
      touched: new Activity("touched"),
      emit: parts.emit,
      clock,
    };
    this.#now = parts.now;
    this.#started = now;
    this.#poller = poller;
    this.#tunSlot = poller.add(parts.tun.fd);
    this.#sockets = new OuterSockets(parts.sockets, poller);
    this.#pathMtus = new PathMtus(this.#plane);
    this.#associations = new Associations(this.#plane, this.#sockets, parts.backend, this.#pathMtus);
    this.#batch = new OuterBatch(this.#plane, parts.waitWritable);
    this.#joiner = new Joiner(this.#plane);
    const outbound = new Outbound(this.#plane, this.#batch, this.#joiner);
    this.#inbound = new Inbound(this.#plane, outbound, this.#joiner);
    this.#input = new TunInput(this.#plane, outbound);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Waits up to `timeoutMs` unless the last turn left work behind, then moves what has come. */
  turn(timeoutMs: number): void {
    const plane = this.#plane;
    const poller = this.#poller;
    poller.wait(this.#busy ? 0 : timeoutMs);
    this.#tick();
    plane.counters[LoopCounter.turns]!++;
    this.#busy = false;

    const sockets = this.#sockets.all;
    for (let i = 0; i < sockets.length; i++) {
      const socket = sockets[i]!;
      if (socket.slot < 0 || poller.ready(socket.slot) === 0) continue;
      const buffers = plane.regions.received;
      let n = 0;
      while (n < buffers.length && this.#receive(socket, buffers[n]!)) n++;
      this.#joiner.flush(); // the joins point into the buffers
      if (n === buffers.length) this.#busy = true;
    }
    if (this.#tunSlot >= 0 && poller.ready(this.#tunSlot) !== 0) {
      let n = 0;
      while (n < TUN_READS && this.#input.read()) n++;
      if (n === TUN_READS) this.#busy = true;
    }
    this.#joiner.flush();
    this.#batch.endTurn();
    if (this.#dry.length > 0 && !this.#busy)
      for (const id of this.#dry.splice(0)) plane.emit({ kind: "done", id });
  }

  #receive(socket: PolledSocket, buffer: number): boolean {
    return socket.kind === "icmp"
      ? this.#pathMtus.receive(socket.socket, buffer)
      : this.#inbound.receive(socket, buffer);
  }

  /** Applies one command between two turns and answers it. Never throws. */
  apply(command: Command): void {
    const { emit } = this.#plane;
    if (command.kind === "run-dry") {
      this.#dry.push(command.id);
      this.#busy = true; // the next turn looks at once
      return;
    }
    try {
      const value = this.#execute(command);
      emit(value === undefined ? { kind: "done", id: command.id } : { kind: "done", id: command.id, value });
    } catch (error) {
      emit({
        kind: "refused",
        id: command.id,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #execute(command: Exclude<Command, { kind: "run-dry" }>): unknown {
    const associations = this.#associations;
    const plane = this.#plane;
    switch (command.kind) {
      case "add-tunnel":
        return associations.addTunnel(command);
      case "remove-tunnel":
        this.#inbound.forget();
        return associations.removeTunnel(command.tunnel);
      case "add-child-sa":
        return associations.addChildSa(command);
      case "switch-outbound":
        return associations.switchOutbound(command.tunnel, command.childSa);
      case "remove-child-sa":
        this.#inbound.forget();
        return associations.removeChildSa(command.childSa);
      case "reserve-sequence": {
        const { sequence } = associations.get(command.childSa).sa.outbound;
        if (sequence.reserve(command.block)) return undefined;
        throw new Refusal(
          `block ${command.block.first}..${command.block.limit} is not above what is reserved`,
        );
      }
      case "move-endpoint":
        return associations.moveEndpoint(command);
      case "fib":
        if (plane.routes.change(command.set, command.remove, associations.resolve)) return undefined;
        throw new Refusal("a prefix does not parse; nothing was changed");
      case "add-seat": {
        const reason = this.#sockets.addSeat(command.seat, command.epoch, command.addresses);
        if (reason !== undefined) throw new Refusal(reason);
        return undefined;
      }
      case "remove-seat":
        this.#inbound.forget();
        associations.removeSeat(command.seat);
        this.#holdTun(command.seat, false);
        if (!this.#sockets.removeSeat(command.seat))
          throw new Refusal(`seat ${command.seat} is not held here`);
        return undefined;
      case "hold-seat":
        this.#sockets.hold(command.seat, command.what !== "nothing");
        this.#holdTun(command.seat, command.what === "all");
        return undefined;
      case "leave-seat":
        return associations.leaveSeat(command.seat, command.on);
      case "merge-replay": {
        const installed = associations.get(command.childSa);
        plane.touched.note(installed);
        return installed.sa.inbound.replay.merge(command.replay);
      }
      case "send-ike":
        return this.#sendIke(command);
      case "take-active":
        return command.direction === "in" ? plane.heard.take(command.seat) : plane.touched.take(command.seat);
      case "export-child-sa":
        return associations.get(command.childSa).sa.export();
      case "capture":
        plane.tap.on = command.on;
        return undefined;
      case "explain":
        return explain(plane, command);
      case "stop":
        this.#stopped = true;
        associations.destroyAll();
        this.#sockets.closeAll();
        return undefined;
    }
  }

  #holdTun(seat: string, on: boolean): void {
    if (on) this.#tunHeldFor.add(seat);
    else this.#tunHeldFor.delete(seat);
    const held = this.#tunHeldFor.size > 0;
    if (held === this.#tunSlot < 0) return;
    if (held) this.#poller.remove(this.#tunSlot);
    this.#tunSlot = held ? -1 : this.#poller.add(this.#plane.tun.fd);
  }

  #sendIke(command: Extract<Command, { kind: "send-ike" }>): void {
    const { arena, regions, counters, tap } = this.#plane;
    const outer = this.#sockets.find(command.local, command.localPort);
    if (outer === undefined) throw new Refusal(`no seat here has ${command.local} port ${command.localPort}`);
    const marker = command.localPort === NAT_TRAVERSAL_PORT ? 4 : 0; // RFC 3948 §2.2
    const length = marker + command.payload.length;
    if (length > MAX_PACKET - 28) throw new Refusal(`an IKE message of ${command.payload.length} bytes`);
    arena.view.setUint32(regions.scratch, 0);
    arena.bytes.set(command.payload, regions.scratch + marker);
    const path = outer.socket.createPath(command.local, command.remote, command.remotePort);
    if (tap.on) tap.sent(path, outer, regions.scratch, length);
    let sent = outer.socket.send(path, regions.scratch, length, 0, 0);
    // An error that an earlier datagram left on the socket fails one call; the next one goes.
    if (sent < 0) sent = outer.socket.send(path, regions.scratch, length, 0, 0);
    path.release();
    if (sent < 0)
      throw new Refusal(`sending to ${command.remote} port ${command.remotePort}: errno ${-sent}`);
    counters[LoopCounter.ikeOut]!++;
  }

  #tick(): void {
    const { clock, counters, spread } = this.#plane;
    clock.now = this.#now();
    const tick = 1 + Math.floor((clock.now - this.#started) / 1000);
    if (tick === clock.tick) return;
    clock.tick = tick;
    this.#pathMtus.age(clock.now);
    const flows = spread.countSince(tick - FLOW_MEMORY);
    // Only tunnels that have flows, or had some a second ago: there may be thousands.
    for (const slot of this.#flowing) counters[slot + TUNNEL_FLOWS] = 0;
    for (const [slot, count] of flows) counters[slot + TUNNEL_FLOWS] = count;
    this.#flowing = flows.keys();
  }
}
