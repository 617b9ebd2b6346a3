/**
 * The outside sockets of the seats that this process holds: UDP 500 and 4500, IP protocol 50 and ICMP per address. One
 * unconnected socket serves all peers. Taking a seat up opens them, dropping it closes them.
 */
import type { DatagramSocket, ReceiveBatch } from "@tandem/linux";
import { canonicalAddress, parseAddress } from "@tandem/wire";
import type { OuterSocket, OuterSocketKind } from "./inbound.ts";

export const IKE_PORT = 500;
export const NAT_TRAVERSAL_PORT = 4500;

/** Opens sockets; throws with cause and cure when the system refuses. Real ones in worker.ts, twins in tests. */
export interface SocketFactory {
  udp(address: string, port: number): DatagramSocket;
  /** Undefined where raw sockets are not to be had: ESP then travels in UDP only. */
  esp(address: string): DatagramSocket | undefined;
  /** What routers say about packets from this address; undefined where it is not to be had. */
  icmp?(address: string): DatagramSocket | undefined;
  /** Receives several datagrams by one call; undefined where the system has no such thing. */
  receiveBatch?(family: 4 | 6): ReceiveBatch;
}

/** Waits for readable descriptors; `PollSet` of linux, or a twin. */
export interface Poller {
  add(fd: number): number;
  remove(slot: number): void;
  wait(timeoutMs: number): number;
  ready(slot: number): number;
}

export interface PolledSocket extends OuterSocket {
  readonly seat: string;
  /** In the poll set; negative while the seat is held: then nothing is read. */
  slot: number;
}

export class OuterSockets {
  readonly #factory: SocketFactory;
  readonly #poller: Poller;
  readonly #epochs = new Map<string, number>();
  readonly #held = new Set<string>();
  #sockets: readonly PolledSocket[] = [];

  constructor(factory: SocketFactory, poller: Poller) {
    this.#factory = factory;
    this.#poller = poller;
  }

  /** In poll order. */
  get all(): readonly PolledSocket[] {
    return this.#sockets;
  }

  epoch(seat: string): number | undefined {
    return this.#epochs.get(seat);
  }

  /** All or nothing: a refusal closes what was opened. Returns the reason, or undefined. */
  addSeat(seat: string, epoch: number, addresses: readonly string[]): string | undefined {
    const held = this.#epochs.get(seat);
    if (held !== undefined) {
      if (epoch < held) return `seat ${seat} is held here with epoch ${held}, above ${epoch}`;
      this.#epochs.set(seat, epoch);
      return undefined;
    }
    const opened: PolledSocket[] = [];
    try {
      for (const text of addresses) {
        const address = canonicalAddress(text);
        if (address === undefined) throw new RangeError(`"${text}" is no address`);
        this.#open(opened, seat, address, "ike", this.#factory.udp(address, IKE_PORT), IKE_PORT);
        const udp = this.#factory.udp(address, NAT_TRAVERSAL_PORT);
        this.#open(opened, seat, address, "ike-or-esp", udp, NAT_TRAVERSAL_PORT);
        const raw = this.#factory.esp(address);
        if (raw !== undefined) this.#open(opened, seat, address, "esp", raw, 0);
        const icmp = this.#factory.icmp?.(address);
        if (icmp !== undefined) this.#open(opened, seat, address, "icmp", icmp, 0);
      }
    } catch (error) {
      for (const socket of opened) this.#close(socket);
      return error instanceof Error ? error.message : String(error);
    }
    this.#epochs.set(seat, epoch);
    this.#sockets = [...this.#sockets, ...opened];
    return undefined;
  }

  /** What comes for a held seat stays in its sockets' queues; also for sockets that are opened later. */
  hold(seat: string, on: boolean): void {
    if (on) this.#held.add(seat);
    else this.#held.delete(seat);
    for (const socket of this.#sockets) {
      if (socket.seat !== seat || socket.slot < 0 === on) continue;
      if (on) this.#poller.remove(socket.slot);
      socket.slot = on ? -1 : this.#poller.add(socket.socket.fd);
    }
  }

  removeSeat(seat: string): boolean {
    this.#held.delete(seat);
    for (const socket of this.#sockets) if (socket.seat === seat) this.#close(socket);
    this.#sockets = this.#sockets.filter((s) => s.seat !== seat);
    return this.#epochs.delete(seat);
  }

  find(address: string, port: number, kind?: OuterSocketKind): PolledSocket | undefined {
    const canonical = canonicalAddress(address);
    return this.#sockets.find(
      (s) => s.address === canonical && s.port === port && (kind === undefined || s.kind === kind),
    );
  }

  closeAll(): void {
    for (const seat of [...this.#epochs.keys()]) this.removeSeat(seat);
  }

  #open(
    into: PolledSocket[],
    seat: string,
    address: string,
    kind: OuterSocketKind,
    socket: DatagramSocket,
    port: number,
  ): void {
    into.push({
      seat,
      socket,
      kind,
      address,
      addressBytes: parseAddress(address)!,
      port,
      batch: this.#factory.receiveBatch?.(socket.family),
      small: false,
      slot: this.#held.has(seat) ? -1 : this.#poller.add(socket.fd),
    });
  }

  #close(socket: PolledSocket): void {
    if (socket.slot >= 0) this.#poller.remove(socket.slot);
    socket.socket.close();
  }
}
