/**
 * Two instances with their real seats, replicas and replication rules; the link between them, the fabric and the
 * supervisor are played. Every block of sequence numbers that a data plane was given counts as used: the worst case.
 *
 *      Process ── Replicator ── PlayedLink ═══ PlayedLink ── Replicator ── Process
 *         └ Seat (one hosting per epoch) ── wire ── device
 */

import type { PartnerLinkOptions } from "../../src/replication/partner-link.ts";
import type { ReplicaUpdate } from "../../src/replication/replica-store.ts";
import { type ReplicationLink, Replicator } from "../../src/replication/replicator.ts";
import { renewKeys } from "../../src/seat/renew-keys.ts";
import { SEQUENCE_BLOCK, SEQUENCE_MARGIN } from "../../src/seat/sa-book.ts";
import { type SeatEnd, SeatPair } from "../../src/testing/index.ts";

const SEAT = "gw/0";
const PUBLIC_IP = "203.0.113.1";
const POLICY = {
  ikeEncryption: "GCMAES128",
  ikeIntegrity: "SHA256",
  dhGroup: "ECP256",
  ipsecEncryption: "GCMAES128",
  ipsecIntegrity: "GCMAES128",
  pfsGroup: "None",
  saLifeTimeSeconds: 27_000,
  saDataSizeKilobytes: 102_400_000,
} as const;

/** More requests than the margin holds. */
export const MORE_THAN_MARGIN: number = SEQUENCE_MARGIN / SEQUENCE_BLOCK + 3;

class PlayedLink implements ReplicationLink {
  readonly process: string;
  readonly options: PartnerLinkOptions;
  other: PlayedLink | undefined;

  constructor(process: string, options: PartnerLinkOptions) {
    this.process = process;
    this.options = options;
  }

  get up(): boolean {
    return this.other !== undefined;
  }

  get partnerProcess(): string | undefined {
    return this.other?.process;
  }

  start(): void {}

  stop(): void {
    if (this.other !== undefined) this.other.other = undefined;
    this.other = undefined;
  }

  replicate(update: ReplicaUpdate): Promise<boolean> {
    return Promise.resolve(this.other?.take(update) ?? false);
  }

  tell(update: ReplicaUpdate): void {
    this.other?.take(update);
  }

  take(update: ReplicaUpdate): boolean {
    const own = this.options.ownEpoch(update.seat);
    if (own !== undefined && own > update.epoch && update.kind !== "final") return false;
    return this.options.onUpdate(structuredClone(update));
  }
}

export class Process {
  readonly replicator: Replicator;
  readonly world: World;
  link!: PlayedLink;
  end: SeatEnd | undefined;
  paused = false;

  constructor(world: World, name: string) {
    this.world = world;
    const { clock } = world.pair;
    this.replicator = new Replicator({
      instance: name,
      partner: { name: "x", localAddress: "", address: "", port: 1, key: "", bgpPeers: [] },
      clock,
      wallClock: () => clock.now(),
      seats: () => (this.end === undefined ? [] : [{ ...asReplicated(this.end), bgp: undefined }]),
      exportChildSa: () => Promise.resolve(undefined),
      // Worst case: the older owner hears it and goes on.
      onSuperseded: () => {},
      onState: () => {},
      renewKeys: (_seat, tunnel) => renewKeys(this.end?.seat, tunnel),
      makeLink: (options) => {
        this.link = new PlayedLink(`${name} process ${world.processes.length}`, options);
        return this.link;
      },
    });
    world.processes.push(this);
  }

  /** As Instance.takeSeat does it. Says whether something was adopted. */
  async take(epoch: number, mode: "adopt" | "fresh"): Promise<boolean> {
    await this.drop();
    const replica = this.replicator.take(SEAT, epoch);
    const adopted = mode === "adopt" ? replica : undefined;
    this.end = this.world.host(epoch, this.replicator);
    this.end.seat.begin(adopted);
    this.replicator.announce(SEAT);
    return adopted !== undefined;
  }

  async drop(): Promise<void> {
    const { end } = this;
    this.end = undefined;
    await end?.seat.stop(false);
  }

  /** Its data plane asks for `requests` more blocks of every Child SA. */
  async spend(requests: number): Promise<void> {
    for (let i = 0; i < requests; i++) {
      for (const childSa of this.end?.seat.childSaIds() ?? []) {
        this.end?.seat.dataPlaneEvent({ kind: "need-sequence", childSa, reservedUpTo: 0 });
      }
      await turn();
    }
  }
}

export class World {
  readonly pair = new SeatPair({ device: { ipsecPolicy: { ...POLICY } } });
  readonly processes: Process[] = [];
  readonly ends: SeatEnd[] = [];
  readonly at: [Process, Process];
  #epoch = 0;
  #linked = false;

  constructor() {
    this.at = [new Process(this, "gw/IN_0"), new Process(this, "gw/IN_1")];
    this.pair.device.seat.begin();
  }

  host(epoch: number, replication: Replicator): SeatEnd {
    const end = this.pair.makeGateway(epoch, { ipsecPolicy: { ...POLICY } }, replication);
    this.ends.push(end);
    return end;
  }

  nextEpoch(): number {
    return ++this.#epoch;
  }

  /** The fabric's change and the take; the older owner is not told. */
  async give(index: 0 | 1, mode: "adopt" | "fresh" = "adopt"): Promise<boolean> {
    const process = this.at[index];
    const adopted = await process.take(this.nextEpoch(), mode);
    this.own(index);
    await this.settle(200);
    return adopted;
  }

  own(index: 0 | 1): void {
    const { end } = this.at[index];
    if (end !== undefined) this.pair.owners.set(PUBLIC_IP, end);
  }

  /** The link stands when it is wanted and both processes run. */
  connect(wanted: boolean = this.#linked): void {
    this.#linked = wanted;
    const [a, b] = this.at;
    const up = wanted && !a.paused && !b.paused;
    if (up === a.link.up && (!up || a.link.other === b.link)) return;
    a.link.stop();
    b.link.stop();
    if (!up) return;
    a.link.other = b.link;
    b.link.other = a.link;
    for (const { link } of [a, b]) for (const snapshot of link.options.snapshots()) link.tell(snapshot);
    for (const { link } of [a, b]) link.options.onState(true, "");
  }

  pause(index: 0 | 1, paused: boolean): void {
    this.at[index].paused = paused;
    this.connect();
  }

  /** SIGKILL and a new process. */
  restart(index: 0 | 1): void {
    const { end } = this.at[index];
    this.at[index].link.stop();
    this.at[index].end = undefined;
    // What the dead one had does nothing more, but what it has used stays used.
    if (end !== undefined) void end.seat.stop(false);
    this.at[index] = new Process(this, `gw/IN_${index}`);
    this.connect();
  }

  async settle(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 10) {
      this.pair.clock.advance(10);
      await turn();
    }
  }

  /** (key, IV) pairs that two different packets may bear, for people. */
  violations(): string[] {
    return [...espViolations(this.ends), ...ikeViolations(this.ends)];
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function asReplicated({ seat }: SeatEnd) {
  return {
    config: seat.config,
    exportIkeSas: () => seat.exportIkeSas(),
    reservations: () => seat.reservations(),
    childSaIds: () => seat.childSaIds(),
  };
}

function espViolations(ends: readonly SeatEnd[]): string[] {
  const used = new Map<string, { first: number; limit: number; by: number }[]>();
  const found: string[] = [];
  ends.forEach(({ plane }, by) => {
    const keys = new Map<string, string>();
    for (const command of plane.commands) {
      if (command.kind !== "add-child-sa" && command.kind !== "reserve-sequence") continue;
      const adding = command.kind === "add-child-sa";
      const id = adding ? command.sa.id : command.childSa;
      if (adding) keys.set(id, hex(command.sa.outbound.encryption));
      const { first, limit } = adding ? command.sequence : command.block;
      const key = keys.get(id)!;
      const ranges = used.get(key) ?? [];
      used.set(key, ranges);
      for (const range of ranges) {
        if (first < range.limit && range.first < limit)
          found.push(`${id}: ${first} to ${limit} by hosting ${by}, ${range.first} by hosting ${range.by}`);
      }
      ranges.push({ first, limit, by });
    }
  });
  return found;
}

/** RFC 5282 §3: the IV follows the SK payload's header (RFC 7296 §3.14), or the SKF one's (RFC 7383 §2.5). */
function ikeViolations(ends: readonly SeatEnd[]): string[] {
  const sent = new Map<string, string>();
  const found: string[] = [];
  for (const { plane } of ends) {
    for (const { payload } of plane.of("send-ike")) {
      const at = payload[16] === 46 ? 32 : payload[16] === 53 ? 36 : -1;
      if (at < 0) continue;
      const nonce = `${hex(payload.subarray(0, 16))} ${payload[19]! & 8} ${hex(payload.subarray(at, at + 8))}`;
      const text = hex(payload);
      if ((sent.get(nonce) ?? text) !== text) found.push(`IKE ${nonce}`);
      sent.set(nonce, text);
    }
  }
  return found;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
