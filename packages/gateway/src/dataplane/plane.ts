/** What the parts of one data plane share: memory, devices, counters, time and the way to tell the main thread. */
import type { Sad } from "@tandem/esp";
import type { OwnedArena, SendBatch, TunDevice } from "@tandem/linux";
import type { Activity } from "./activity.ts";
import type { Checksum } from "./checksum.ts";
import type { DataPlaneEvent } from "./commands.ts";
import type { FlowSpread } from "./flow-spread.ts";
import type { InsideSender } from "./inside-sender.ts";
import type { PlaneSettings } from "./options.ts";
import type { Regions } from "./regions.ts";
import type { RouteTable } from "./route-table.ts";
import type { Tap } from "./tap.ts";
import type { InstalledSa } from "./tunnel.ts";

export interface Plane {
  readonly arena: OwnedArena;
  readonly regions: Regions;
  readonly tun: TunDevice;
  readonly checksum: Checksum;
  readonly settings: PlaneSettings;
  /** Shared memory: drops by reason from 0, then the loop's own. */
  readonly counters: Float64Array;
  readonly routes: RouteTable;
  readonly spread: FlowSpread;
  readonly sad: Sad<InstalledSa>;
  readonly tap: Tap;
  /** Several packets by one call, where the system has that. */
  readonly sendBatch: SendBatch | undefined;
  /** For ICMP "too big" and "TTL expired" to the inside; through the TUN where it is missing or fails. */
  readonly toInside: InsideSender | undefined;
  readonly heard: Activity;
  readonly touched: Activity;
  readonly emit: (event: DataPlaneEvent) => void;
  /** Milliseconds since 1970 and seconds since start, read once per turn. */
  readonly clock: { now: number; tick: number };
}
