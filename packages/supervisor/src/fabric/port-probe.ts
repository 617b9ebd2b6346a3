/**
 * Does an instance answer on its links? A TCP connection to a port where nothing listens is refused by the far kernel at
 * once; when the link is cut without a sign, nothing comes. Processes are judged elsewhere: this is about cables.
 */
import { connect } from "node:net";
import type { FabricConfig, FabricPortEvent } from "@tandem/contract";

const INTERVAL_MILLISECONDS = 150;
/** Misses in a row until a port counts as cut: about 600 ms. */
const MISSES = 4;
/** discard, RFC 863: nothing of ours listens there. */
const PORT = 9;

interface ProbedPort {
  readonly instance: string;
  readonly side: "outside" | "inside";
  readonly address: string;
  misses: number;
  up: boolean;
}

export class PortProbe {
  readonly #ports: readonly ProbedPort[];
  readonly #changed: (event: FabricPortEvent) => void;
  readonly #timer: NodeJS.Timeout;

  constructor(config: FabricConfig, changed: (event: FabricPortEvent) => void) {
    this.#changed = changed;
    this.#ports = config.gateways.flatMap((g) =>
      g.ports.flatMap((p) =>
        (["outside", "inside"] as const).map((side) => ({
          instance: p.instance,
          side,
          address: p[side].via[0]!,
          misses: 0,
          up: true,
        })),
      ),
    );
    this.#timer = setInterval(() => {
      for (const port of this.#ports) this.#probe(port);
    }, INTERVAL_MILLISECONDS);
  }

  list(): FabricPortEvent[] {
    return this.#ports.map(eventOf);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #probe(port: ProbedPort): void {
    const socket = connect({ host: port.address, port: PORT });
    // After a stall of this process timers come first: an answer that is already there must be read before the verdict.
    const timer = setTimeout(() => setImmediate(() => settle(false)), INTERVAL_MILLISECONDS - 10);
    let settled = false;
    const settle = (answered: boolean): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.destroy();
      port.misses = answered ? 0 : port.misses + 1;
      const up = answered || (port.up && port.misses < MISSES);
      if (up === port.up) return;
      port.up = up;
      this.#changed(eventOf(port));
    };
    socket.on("connect", () => settle(true));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(error.code === "ECONNREFUSED"));
  }
}

const eventOf = ({ instance, side, up }: ProbedPort): FabricPortEvent => ({
  event: "fabric.port",
  instance,
  side,
  up,
});
