/** What a seat gets from the process that hosts it. */
import type { InstanceConfig } from "@tandem/contract";
import type { ExportedIkeSa, IkeEffect, IkeEndpointOptions, IkeInput, IkeTunnelStatus } from "@tandem/ike";
import type { Engine, Instant, Random } from "@tandem/sansio";
import type { BgpHost } from "../bgp/bgp-host.ts";
import type { DataPlanePort } from "../dataplane-port.ts";
import type { CryptoRunner } from "../driver/crypto-runner.ts";
import type { Clock } from "../driver/engine-driver.ts";
import type { NewEvent } from "../events/journal.ts";
import type { Log } from "../log.ts";
import type { FibTable } from "../routes/fib-table.ts";

/** The IKE engine as the seat uses it; `IkeEndpoint` of @tandem/ike is one. */
export interface IkeEngine extends Engine<IkeInput, IkeEffect> {
  status(now: Instant): readonly IkeTunnelStatus[];
  exportIkeSas(): readonly ExportedIkeSa[];
  /** Unprotected error answers that its limit has swallowed. */
  readonly answersWithheld?: number;
}

/** Where a seat's state is copied before it is exposed; absent when nothing is replicated. */
export interface SeatReplication {
  /** Resolves when the partner has it (or when there is no partner to have it). */
  ikeSa(seat: string, ikeSa: string, state: ExportedIkeSa | null): Promise<void>;
  /** Resolves with whether the partner has it. */
  sequence(seat: string, childSa: string, reservedUpTo: number): Promise<boolean>;
}

export interface SeatContext {
  readonly instance: string;
  readonly kind: InstanceConfig["kind"];
  readonly encapsulation: InstanceConfig["outside"]["encapsulation"];
  readonly dataPlane: DataPlanePort;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly random: Random;
  readonly crypto: CryptoRunner;
  readonly log: Log;
  readonly fib: FibTable;
  /** Sends what changed in the FIB; cheap when nothing did. */
  flushFib(): void;
  event(event: NewEvent): void;
  makeIke(options: IkeEndpointOptions): IkeEngine;
  /** undefined when this process has no BGP (no address to speak from). */
  makeBgp(seat: string): BgpHost | undefined;
  /** Adds or removes a virtual address that the remote gave us. */
  virtualAddress(address: string, present: boolean): void;
  readonly replication: SeatReplication | undefined;
}
