/** A data plane without a kernel: the real packet loop over twins of TUN and sockets, turned by hand. */
import { nodePacketCipher } from "@tandem/crypto";
import type { PacketCipherBackend } from "@tandem/esp";
import { DROP_REASON_NAMES } from "@tandem/esp";
import { type SampleSa, sampleSa } from "@tandem/esp/testing";
import type { OwnedArena } from "@tandem/linux";
import { createMemoryArena, type MemoryNetwork, MemoryTun } from "@tandem/linux/testing";
import type { Checksum } from "../dataplane/checksum.ts";
import type { Command, DataPlaneEvent } from "../dataplane/commands.ts";
import { PacketLoop } from "../dataplane/loop.ts";
import type { PlaneSettings } from "../dataplane/options.ts";
import { createCounters } from "../dataplane/shared-counters.ts";
import type { DataPlaneCommand } from "../dataplane-port.ts";

export interface MemoryPlaneOptions {
  readonly network: MemoryNetwork;
  readonly settings?: Partial<PlaneSettings>;
  /** Default: node:crypto's. */
  readonly backend?: PacketCipherBackend;
  readonly arena?: OwnedArena;
  readonly checksum?: Checksum;
  readonly now?: () => number;
}

const ARENA_LENGTH = 2 << 20;

export class MemoryPlane {
  readonly tun: MemoryTun;
  readonly loop: PacketLoop;
  readonly events: DataPlaneEvent[] = [];
  readonly counters = createCounters();
  #next = 1;

  constructor(options: MemoryPlaneOptions) {
    const arena = options.arena ?? createMemoryArena(ARENA_LENGTH);
    this.tun = new MemoryTun(arena);
    this.loop = new PacketLoop({
      arena,
      tun: this.tun,
      poller: { add: () => 0, remove: () => {}, wait: () => 1, ready: () => 1 },
      waitWritable: () => false,
      sockets: {
        udp: (address, port) => options.network.openUdpSocket(arena, { address, port }),
        esp: (address) => options.network.openRawSocket(arena, { address }),
        icmp: (address) => options.network.openIcmpSocket(arena, { address }),
      },
      backend: options.backend ?? nodePacketCipher,
      counters: this.counters,
      ...(options.settings && { settings: options.settings }),
      ...(options.checksum && { checksum: options.checksum }),
      emit: (event) => this.events.push(event),
      now: options.now ?? (() => 0),
    });
  }

  /** Applies a command; throws the reason of a refusal, returns the answer's value. */
  command(command: DataPlaneCommand): unknown {
    const id = this.#next++;
    this.loop.apply({ ...command, id } as Command);
    const at = this.events.findIndex((e) => (e.kind === "done" || e.kind === "refused") && e.id === id);
    const answer = this.events.splice(at, 1)[0];
    if (answer?.kind === "done") return answer.value;
    throw new Error(answer?.kind === "refused" ? answer.reason : "no answer");
  }

  turn(times = 1): void {
    for (let i = 0; i < times; i++) this.loop.turn(0);
  }

  /** Drops so far, by name; only those that happened. */
  drops(): Record<string, number> {
    return Object.fromEntries(
      DROP_REASON_NAMES.map((name, i) => [name, this.counters[i]!] as const).filter(([, n]) => n > 0),
    );
  }
}

/** A seat, one tunnel and its Child SA in use; routes go into it. */
export function installTunnel(
  plane: MemoryPlane,
  sample: SampleSa,
  routes: readonly string[],
  tunnel = "t",
): void {
  const sa = sampleSa(sample);
  plane.command({ kind: "add-seat", seat: "s", epoch: 1, addresses: [sample.local] });
  plane.command({ kind: "add-tunnel", tunnel, connection: "c", seat: "s", remote: sample.remote });
  plane.command({ kind: "add-child-sa", tunnel, sa, sequence: { first: 1, limit: 2 ** 32 } });
  plane.command({ kind: "switch-outbound", tunnel, childSa: sa.id });
  plane.command({
    kind: "fib",
    set: routes.map((prefix) => ({ prefix, tunnels: [tunnel], source: "static" })),
    remove: [],
  });
}
