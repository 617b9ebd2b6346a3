/** Receives the flows of the other hosts' probers. */
import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import { decodeProbe, monotonicMicroseconds } from "./datagram.ts";
import { FlowRecord, type FlowReport } from "./flow-record.ts";
import { TCP_RECORD_LENGTH } from "./tcp-sender.ts";

const RECEIVE_BUFFER = 4 * 1024 * 1024;

export class Receiver {
  readonly #records: Map<number, FlowRecord> = new Map();
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections: Set<TcpSocket> = new Set();

  constructor() {
    this.#udp = createSocket({ type: "udp6", ipv6Only: false });
    this.#udp.on("message", (bytes) => this.#take(bytes, 0));
    this.#tcp = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#udp.once("error", reject);
      this.#udp.bind(port, () => resolve());
    });
    try {
      this.#udp.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // The kernel's limit (net.core.rmem_max) is below it; what it gives is enough at probe rates.
    }
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen(port, "::", () => resolve());
    });
  }

  report(): FlowReport[] {
    return [...this.#records.values()].map((record) => record.report());
  }

  reset(): void {
    this.#records.clear();
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #take(bytes: Buffer, offset: number): void {
    const probe = decodeProbe(bytes, offset);
    if (probe === undefined) return;
    let record = this.#records.get(probe.flow);
    if (record === undefined) {
      record = new FlowRecord(probe.flow);
      this.#records.set(probe.flow, record);
    }
    record.receive(probe.sequence, probe.sentMicroseconds, monotonicMicroseconds());
  }

  #serve(socket: TcpSocket): void {
    this.#connections.add(socket);
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let offset = 0;
      for (; rest.length - offset >= TCP_RECORD_LENGTH; offset += TCP_RECORD_LENGTH) this.#take(rest, offset);
      rest = rest.subarray(offset);
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
  }
}
