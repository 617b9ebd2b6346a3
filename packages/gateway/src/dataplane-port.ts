/**
 * What the main thread needs of the data plane. The worker's handle (dataplane/data-plane.ts) provides it; tests
 * use the recording twin in testing/fake-data-plane.ts.
 */
import type { Command, DataPlaneEvent } from "./dataplane/commands.ts";

type WithoutId<C> = C extends unknown ? Omit<C, "id"> : never;
export type DataPlaneCommand = WithoutId<Command>;

/** Counters of one Child SA since it was installed here. */
export interface ChildSaCounters {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  /** Unix milliseconds of the last packet, where the data plane keeps it; 0 when there was none. */
  readonly lastIn?: number;
  readonly lastOut?: number;
}

export interface DataPlanePort {
  /** Sends a command; commands are carried out in the order of the calls. Rejects with the reason when refused. */
  command(command: DataPlaneCommand): Promise<unknown>;
  /** One listener; set before the first command. */
  onEvent(listener: (event: DataPlaneEvent) => void): void;
  childCounters(childSa: string): ChildSaCounters | undefined;
  /** Flows seen on a tunnel in the last 10 seconds. */
  flows(tunnel: string): number;
  counters(): Readonly<Record<string, number>>;
  drops(): Readonly<Record<string, number>>;
  /** How long the packet loop has stood still, ms; it turns at least once a second. Absent where there is no loop. */
  stalledMilliseconds?(): number;
  readonly backend: string;
  readonly offloads: readonly string[];
  stop(): Promise<void>;
}
