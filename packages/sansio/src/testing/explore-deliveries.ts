/**
 * Tries every order in which the network may hand over packets: how simultaneous rekeying, deletion and opening are tested.
 * Stateless search: the scenario is built anew for each order and led along it, so engines need no way to be copied.
 */
import type { Flight, Simulation } from "./simulation.ts";

export interface Scenario<Packet> {
  readonly simulation: Simulation<Packet>;
  /** Called when no packet is in flight any more (timers are left alone): throws when something is wrong. */
  check(order: readonly string[]): void;
}

export interface ExploreOptions<Packet> {
  /** Choices beyond this many follow the order of sending. */
  readonly maxChoices?: number;
  /** How many packets may also be lost, each at its turn; 0 by default. */
  readonly maxLosses?: number;
  /** Packets of one direction keep their order (TCP). */
  readonly ordered?: boolean;
  /** Stops with an error beyond this many orders, rather than running for ever. */
  readonly maxOrders?: number;
  /** Timers that fire after everything was delivered, before the check: 0 by default. */
  readonly settle?: number;
  /** How a packet is called in the order given to `check`. */
  readonly describe?: (flight: Flight<Packet>) => string;
}

/** Returns how many orders there were. `build` leaves the simulation with `hold()` in force and the first packets in flight. */
export function exploreDeliveries<Packet>(
  build: () => Scenario<Packet>,
  options: ExploreOptions<Packet> = {},
): number {
  const { maxChoices = 12, maxLosses = 0, ordered = false, maxOrders = 100_000, settle = 0 } = options;
  const describe = options.describe ?? ((flight) => `${flight.from}>${flight.to}#${flight.id}`);
  let prefix: number[] = [];
  for (let orders = 1; ; orders++) {
    if (orders > maxOrders) throw new Error(`more than ${maxOrders} orders of delivery`);
    const { simulation, check } = build();
    const taken: { choice: number; of: number }[] = [];
    const order: string[] = [];
    let losses = 0;
    for (let open = eligible(simulation, ordered); open.length > 0; open = eligible(simulation, ordered)) {
      const choosing = taken.length < maxChoices;
      const of = choosing ? open.length * (losses < maxLosses ? 2 : 1) : 1;
      const choice = choosing ? (prefix[taken.length] ?? 0) : 0;
      if (choosing) taken.push({ choice, of });
      const flight = open[choice % open.length]!;
      if (choice < open.length) {
        order.push(describe(flight));
        simulation.deliver(flight);
      } else {
        losses += 1;
        order.push(`${describe(flight)} lost`);
        simulation.drop(flight);
      }
    }
    if (settle > 0) {
      simulation.release();
      simulation.run(settle);
    }
    try {
      check(order);
    } catch (cause) {
      throw new Error(`fails when delivered as: ${order.join(", ")}: ${(cause as Error).message}`, { cause });
    }
    while (taken.length > 0 && taken.at(-1)!.choice + 1 >= taken.at(-1)!.of) taken.pop();
    const last = taken.pop();
    if (last === undefined) return orders;
    prefix = [...taken.map((step) => step.choice), last.choice + 1];
  }
}

function eligible<Packet>(simulation: Simulation<Packet>, ordered: boolean): Flight<Packet>[] {
  if (!ordered) return [...simulation.inFlight];
  const seen = new Set<string>();
  return simulation.inFlight.filter(({ from, to }) => {
    const direction = `${from}>${to}`;
    if (seen.has(direction)) return false;
    seen.add(direction);
    return true;
  });
}
