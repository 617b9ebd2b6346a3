/** Rates from counters: Mbit/s of each tunnel between two looks. An SA that was replaced starts its counters anew. */
import type { TunnelStatus } from "@tandem/contract";

export interface TunnelRate {
  readonly inMbps: number;
  readonly outMbps: number;
}

interface Look {
  readonly at: number;
  readonly bytes: ReadonlyMap<string, { readonly in: number; readonly out: number }>;
}

export class TrafficMeter {
  #last: Look | undefined;

  /** `now` in milliseconds; the answer is keyed by `tunnelKey`. */
  measure(tunnels: readonly TunnelStatus[], now: number): Map<string, TunnelRate> {
    const look: Look = {
      at: now,
      bytes: new Map(
        tunnels.flatMap((tunnel) =>
          tunnel.children.map((child) => [
            `${tunnelKey(tunnel)} ${child.spiIn}`,
            { in: child.bytesIn, out: child.bytesOut },
          ]),
        ),
      ),
    };
    const last = this.#last;
    this.#last = look;
    const rates = new Map<string, TunnelRate>();
    if (last === undefined || now <= last.at) return rates;
    const toMbps = (bytes: number): number => (bytes * 8) / 1000 / (now - last.at);
    for (const tunnel of tunnels) {
      let bytesIn = 0;
      let bytesOut = 0;
      for (const child of tunnel.children) {
        const before = last.bytes.get(`${tunnelKey(tunnel)} ${child.spiIn}`);
        bytesIn += child.bytesIn - (before?.in ?? 0);
        bytesOut += child.bytesOut - (before?.out ?? 0);
      }
      rates.set(tunnelKey(tunnel), { inMbps: toMbps(bytesIn), outMbps: toMbps(bytesOut) });
    }
    return rates;
  }
}

export function tunnelKey(tunnel: TunnelStatus): string {
  return `${tunnel.connection}|${tunnel.seat}|${tunnel.remote}`;
}
