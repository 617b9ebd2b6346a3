/**
 * Two seats with their real IKE endpoints, recording data planes and a wire between them, in virtual time.
 *
 *      Seat ── send-ike ─▶ FakeDataPlane ═ wire ═ FakeDataPlane ── ike event ─▶ Seat
 */
import { type ConnectionConfig, InstanceConfig, type InstanceConfigInput } from "@tandem/contract";
import { runCryptoJob } from "@tandem/crypto";
import { IkeEndpoint } from "@tandem/ike";
import { seededRandom } from "@tandem/sansio";
import type { NewEvent } from "../events/journal.ts";
import { silentLog } from "../log.ts";
import { FibTable } from "../routes/fib-table.ts";
import { Seat } from "../seat/seat.ts";
import type { SeatContext, SeatReplication } from "../seat/seat-context.ts";
import { FakeDataPlane } from "./fake-data-plane.ts";
import { instanceConfig, pskConnection } from "./sample-config.ts";
import { VirtualClock } from "./virtual-clock.ts";

type ConnectionInput = InstanceConfigInput["connections"][number];

/** Milliseconds from end to end. */
const WIRE_DELAY = 5;

export interface SeatEnd {
  readonly seat: Seat;
  readonly plane: FakeDataPlane;
  readonly fib: FibTable;
  readonly events: NewEvent[];
  readonly connection: ConnectionConfig;
}

export class SeatPair {
  readonly clock: VirtualClock = new VirtualClock();
  readonly gateway: SeatEnd;
  readonly device: SeatEnd;
  /** Who gets what is sent to an address: changed to play the fabric. */
  readonly owners: Map<string, SeatEnd> = new Map();
  #seed = 1;

  constructor(over: { gateway?: Partial<ConnectionInput>; device?: Partial<ConnectionInput> } = {}) {
    this.gateway = this.makeGateway(1, over.gateway);
    this.device = this.#make(
      "device/0",
      "198.51.100.1",
      "device",
      1,
      pskConnection({
        seat: "device/0",
        tunnel: "to-site|device/0|gw/0",
        remote: { name: "gw/0", address: "203.0.113.1", id: "203.0.113.1" },
        localId: "198.51.100.1",
        mode: "ResponderOnly",
        staticPrefixes: ["10.1.0.0/16"],
        ...over.device,
      }),
    );
    this.owners.set("203.0.113.1", this.gateway);
    this.owners.set("198.51.100.1", this.device);
  }

  /** One more process for the gateway's seat, as the partner would host it. */
  makeGateway(epoch: number, over: Partial<ConnectionInput> = {}, replication?: SeatReplication): SeatEnd {
    return this.#make("gw/0", "203.0.113.1", "instance", epoch, pskConnection(over), replication);
  }

  #make(
    name: string,
    publicIp: string,
    kind: "instance" | "device",
    epoch: number,
    input: ConnectionInput,
    replication?: SeatReplication,
  ): SeatEnd {
    const connection = InstanceConfig.parse(instanceConfig({ connections: [input] })).connections[0]!;
    const plane = new FakeDataPlane();
    const fib = new FibTable();
    const events: NewEvent[] = [];
    const context: SeatContext = {
      instance: name,
      kind,
      encapsulation: "auto",
      dataPlane: plane,
      clock: this.clock,
      wallClock: () => this.clock.now(),
      random: seededRandom(this.#seed++),
      crypto: {
        run: (job, answer) => {
          this.clock.after(0, () => answer(runCryptoJob(job)));
        },
        stop: () => Promise.resolve(),
      },
      log: silentLog,
      fib,
      flushFib: () => fib.takeChange(),
      event: (event) => events.push(event),
      makeIke: (options) => new IkeEndpoint(options),
      makeBgp: () => undefined,
      virtualAddress: () => {},
      replication,
    };
    const seat = new Seat({ name, publicIps: [publicIp], bgpIp: "10.1.255.4", epoch }, context);
    const end = { seat, plane, fib, events, connection };
    plane.observe((command) => {
      if (command.kind !== "send-ike") return;
      const { local, localPort, remote, remotePort, payload } = command;
      // The fabric's filter: only the owner of an address speaks from it.
      if (this.owners.get(local) !== end) return;
      const copy = payload.slice();
      this.clock.after(WIRE_DELAY, () => {
        this.owners.get(remote)?.seat.dataPlaneEvent({
          kind: "ike",
          local: remote,
          localPort: remotePort,
          remote: local,
          remotePort: localPort,
          payload: copy,
        });
      });
    });
    seat.setConnection(connection);
    return end;
  }
}
