/** Waits for a condition of a seat, by asking its instance. Each returns the function that gives up. */
import type { ProcessStatus } from "@tandem/contract";

type Ask = () => Promise<ProcessStatus | undefined>;

const READY_INTERVAL = 100;
const QUIET_INTERVAL = 200;
/** Rounds without an inbound packet. The first ones may be quiet because nothing has been told yet. */
const QUIET_ROUNDS = 3;

/** Every tunnel of the seat is up; every one of the `neighbors` has its session and has brought routes. */
export function watchReady(
  ask: Ask,
  seat: string,
  neighbors: readonly string[],
  ready: () => void,
): () => void {
  return every(READY_INTERVAL, async () => {
    const status = await ask();
    const tunnels = status?.tunnels.filter((t) => t.seat === seat) ?? [];
    const peers = status?.bgpPeers.filter((p) => p.seat === seat && neighbors.includes(p.neighbor)) ?? [];
    const up = tunnels.length > 0 && tunnels.every((t) => t.children.length > 0);
    const routed =
      peers.length === neighbors.length &&
      peers.every((p) => p.state === "Established" && p.routesReceived > 0);
    if (!up || !routed) return false;
    ready();
    return true;
  });
}

/** Nothing comes in over the seat's tunnels any more. */
export function watchQuiet(ask: Ask, seat: string, quiet: () => void): () => void {
  let before: number | undefined;
  let rounds = 0;
  return every(QUIET_INTERVAL, async () => {
    const status = await ask();
    if (status === undefined) return false;
    const packets = status.tunnels
      .filter((t) => t.seat === seat)
      .flatMap((t) => t.children)
      .reduce((sum, c) => sum + c.bytesIn, 0);
    rounds = packets === before ? rounds + 1 : 0;
    before = packets;
    if (rounds < QUIET_ROUNDS) return false;
    quiet();
    return true;
  });
}

function every(milliseconds: number, look: () => Promise<boolean>): () => void {
  let ended = false;
  const round = async (): Promise<void> => {
    if (ended || (await look()) || ended) return;
    setTimeout(() => void round(), milliseconds);
  };
  void round();
  return () => {
    ended = true;
  };
}
