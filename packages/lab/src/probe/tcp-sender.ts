/** Sends the TCP flows of a prober: fixed-size records on one connection each. A connection that breaks stays broken. */
import { connect, type Socket } from "node:net";
import { encodeProbe, monotonicMicroseconds, PROBE_HEADER_LENGTH } from "./datagram.ts";
import type { ProbeFlow, SentReport } from "./prober-config.ts";

/** Every record has this length, whatever size the datagrams have: the receiver cuts the stream by it. */
export const TCP_RECORD_LENGTH = 128;

const CONNECT_MILLISECONDS = 4_000;

interface Flow {
  readonly id: number;
  readonly socket: Socket;
  sent: number;
  alive: boolean;
}

export class TcpSender {
  readonly #flows: Flow[] = [];
  readonly #rate: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(rate: number) {
    this.#rate = rate;
  }

  async open(flows: readonly ProbeFlow[], port: number): Promise<void> {
    await Promise.all(flows.map((flow) => this.#connect(flow, port)));
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), 1000 / this.#rate);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    this.stop();
    for (const { socket } of this.#flows) socket.destroy();
  }

  report(): SentReport[] {
    return this.#flows.map(({ id, sent, alive }) => ({ flow: id, sent, refused: 0, alive }));
  }

  #connect({ id, destination, sourcePort }: ProbeFlow, port: number): Promise<void> {
    const socket = connect({ host: destination, port, localPort: sourcePort, noDelay: true });
    const flow: Flow = { id, socket, sent: 0, alive: false };
    this.#flows.push(flow);
    return new Promise((resolve) => {
      socket.once("connect", () => {
        flow.alive = true;
        resolve();
      });
      // Where nothing answers, the kernel would try for two minutes; the flow counts as dead from the start.
      socket.setTimeout(CONNECT_MILLISECONDS, () => {
        if (!flow.alive) socket.destroy();
      });
      socket.on("error", () => {});
      socket.once("close", () => {
        flow.alive = false;
        resolve();
      });
    });
  }

  #tick(): void {
    for (const flow of this.#flows) {
      if (!flow.alive) continue;
      flow.sent++;
      const record = Buffer.alloc(Math.max(TCP_RECORD_LENGTH, PROBE_HEADER_LENGTH));
      encodeProbe(record, { flow: flow.id, sequence: flow.sent, sentMicroseconds: monotonicMicroseconds() });
      flow.socket.write(record);
    }
  }
}
