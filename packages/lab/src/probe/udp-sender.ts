/** Sends the UDP flows of a prober: one socket per flow, evenly spread over time. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { encodeProbe, monotonicMicroseconds, PROBE_HEADER_LENGTH } from "./datagram.ts";
import type { ProbeFlow, SentReport } from "./prober-config.ts";

interface Flow {
  readonly id: number;
  readonly socket: Socket;
  readonly buffer: Buffer;
  sent: number;
  refused: number;
}

const TICK_MILLISECONDS = 1;

export class UdpSender {
  readonly #flows: Flow[] = [];
  readonly #rate: number;
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;
  /** Packets sent so far, over all flows; the flow of the next is this number modulo the flows. */
  #count = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** `size` bytes of payload to `port`. */
  async open(flows: readonly ProbeFlow[], port: number, size: number): Promise<void> {
    for (const { id, destination, sourcePort } of flows) {
      const socket = createSocket({ type: isIPv6(destination) ? "udp6" : "udp4", reuseAddr: true });
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(sourcePort, () => resolve());
      });
      await new Promise<void>((resolve) => socket.connect(port, destination, () => resolve()));
      const flow: Flow = {
        id,
        socket,
        buffer: Buffer.alloc(Math.max(size, PROBE_HEADER_LENGTH)),
        sent: 0,
        refused: 0,
      };
      socket.removeAllListeners("error");
      socket.on("error", () => {
        flow.refused++;
      });
      this.#flows.push(flow);
    }
  }

  start(): void {
    if (this.#flows.length === 0 || this.#timer !== undefined) return;
    this.#begun = monotonicMicroseconds();
    this.#count = 0;
    this.#timer = setInterval(() => this.#tick(), TICK_MILLISECONDS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    this.stop();
    for (const { socket } of this.#flows) socket.close();
  }

  report(): SentReport[] {
    return this.#flows.map(({ id, sent, refused }) => ({ flow: id, sent, refused, alive: true }));
  }

  /** Sends all that is due by now: a late tick catches up, so the rate holds. */
  #tick(): void {
    const now = monotonicMicroseconds();
    const due = Math.floor(((now - this.#begun) / 1e6) * this.#rate * this.#flows.length);
    while (this.#count < due) {
      const flow = this.#flows[this.#count % this.#flows.length];
      this.#count++;
      if (flow === undefined) return;
      flow.sent++;
      encodeProbe(flow.buffer, {
        flow: flow.id,
        sequence: flow.sent,
        sentMicroseconds: monotonicMicroseconds(),
      });
      // The kernel has copied the datagram when send returns: the buffer may be written again.
      flow.socket.send(flow.buffer, (error) => {
        if (error !== null) flow.refused++;
      });
    }
  }
}
