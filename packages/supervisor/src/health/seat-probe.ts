/**
 * A probe through the data path: an IKE header of a version that does not exist, sent to a seat's public IP as a device
 * would send it. RFC 7296 §2.5 has it answered with INVALID_MAJOR_VERSION; the way goes through the fabric, the outside
 * link, the instance's own socket and its IKE engine, and back. Answers are limited to 10 a second by the engine.
 */

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { addressFamily, canonicalAddress } from "@tandem/wire";

const IKE_PORT = 500;
const HEADER_LENGTH = 28;
/** Major version 3 (RFC 7296 §3.1); exchange type IKE_SA_INIT; flags: initiator. */
const VERSION_3 = 0x30;
const IKE_SA_INIT = 34;
const FLAG_INITIATOR = 0x08;

export interface ProbedSeat {
  readonly seat: string;
  readonly address: string;
}

interface State {
  misses: number;
  answered: boolean;
  everAnswered: boolean;
  lastAnswer: number;
}

export class SeatProbe {
  readonly #sockets: ReadonlyMap<4 | 6, Socket>;
  readonly #port: number;
  readonly #spi = randomBytes(8);
  readonly #byAddress = new Map<string, State>();
  readonly #seats: readonly ProbedSeat[];
  readonly #timer: NodeJS.Timeout;
  #closed = false;

  /** `port`: another one than IKE's, for tests. */
  constructor(
    seats: readonly ProbedSeat[],
    intervalMilliseconds: number,
    onError: (error: Error) => void,
    port: number = IKE_PORT,
  ) {
    this.#port = port;
    this.#seats = seats.map(({ seat, address }) => ({ seat, address: canonicalAddress(address) ?? address }));
    for (const { address } of this.#seats) {
      this.#byAddress.set(address, { misses: 0, answered: false, everAnswered: false, lastAnswer: 0 });
    }
    const families = new Set(this.#seats.map(({ address }) => addressFamily(address)));
    this.#sockets = new Map([...families].map((family) => [family, this.#open(family, onError)]));
    // Answers that are already there are read first, also after a stall of this process.
    this.#timer = setInterval(() => setImmediate(() => this.#round()), intervalMilliseconds);
  }

  /** Misses in a row; `undefined` when this seat has not answered since `reset`, so that nothing can be concluded. */
  misses(seat: string): number | undefined {
    const address = this.#seats.find((s) => s.seat === seat)?.address;
    const state = address === undefined ? undefined : this.#byAddress.get(address);
    return state?.everAnswered === true ? state.misses : undefined;
  }

  /** A seat with a new owner starts afresh. */
  reset(seat: string): void {
    const address = this.#seats.find((s) => s.seat === seat)?.address;
    const state = address === undefined ? undefined : this.#byAddress.get(address);
    if (state !== undefined) Object.assign(state, { misses: 0, answered: false, everAnswered: false });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closed = true;
    for (const socket of this.#sockets.values()) socket.close();
  }

  #open(family: 4 | 6, onError: (error: Error) => void): Socket {
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    socket.on("error", onError);
    socket.on("message", (message, from) => {
      const state = this.#byAddress.get(canonicalAddress(from.address) ?? "");
      if (state === undefined || message.length < HEADER_LENGTH || !message.subarray(0, 8).equals(this.#spi))
        return;
      Object.assign(state, { answered: true, everAnswered: true, misses: 0, lastAnswer: performance.now() });
    });
    return socket;
  }

  #round(): void {
    if (this.#closed) return;
    for (const { address } of this.#seats) {
      const state = this.#byAddress.get(address)!;
      if (!state.answered) state.misses++;
      state.answered = false;
      this.#sockets.get(addressFamily(address))!.send(this.#packet(), this.#port, address, () => {});
    }
  }

  #packet(): Buffer {
    const packet = Buffer.alloc(HEADER_LENGTH);
    this.#spi.copy(packet, 0);
    packet[17] = VERSION_3;
    packet[18] = IKE_SA_INIT;
    packet[19] = FLAG_INITIATOR;
    packet.writeUInt32BE(HEADER_LENGTH, 24);
    return packet;
  }
}
