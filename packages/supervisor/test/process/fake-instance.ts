/**
 * A stand-in for an instance: a control socket and seats, no data plane.
 * `node fake-instance.ts --config FILE`; the configuration is an instance's.
 */
import { readFileSync } from "node:fs";
import { InstanceConfig, type ProcessStatus, SeatDrop, SeatTake } from "@tandem/contract";
import { ControlServer, Refusal } from "../../src/control/control-server.ts";

const config = InstanceConfig.parse(JSON.parse(readFileSync(process.argv[3]!, "utf8")));
const seats = new Map(config.seats.map((s) => [s.name, { ...s }]));
const epochs = new Map(config.seats.map((s) => [s.name, s.epoch]));

const refuseOlder = (seat: string, epoch: number): void => {
  const known = epochs.get(seat) ?? 0;
  if (epoch < known) throw new Refusal(`${seat} is at epoch ${known}`);
  epochs.set(seat, epoch);
};

const status = (): ProcessStatus => ({
  name: config.name,
  kind: "instance",
  gateway: config.gateway,
  pid: process.pid,
  version: "test",
  draining: false,
  seats: [...seats.values()].map((s) => ({
    name: s.name,
    publicIp: s.publicIps[0]!,
    bgpIp: s.bgpIp,
    epoch: s.epoch,
  })),
  tunnels: [],
  bgpPeers: [],
  dataPlane: { backend: "none", offloads: [], counters: {}, drops: {} },
});

await new ControlServer({
  status,
  ping: () => ({ pid: process.pid, seats: [...seats.values()].map(({ name, epoch }) => ({ name, epoch })) }),
  subscribe: () => ({ subscribed: true }),
  "seat-take": (params) => {
    const { seat, epoch, publicIps, bgpIp } = SeatTake.parse(params);
    refuseOlder(seat, epoch);
    const present = seats.get(seat);
    if (present !== undefined && present.epoch !== epoch)
      throw new Refusal(`${seat} is held already, at epoch ${present.epoch}`);
    seats.set(seat, { name: seat, epoch, publicIps, bgpIp });
    return { taken: true };
  },
  "seat-drop": (params) => {
    const { seat, epoch } = SeatDrop.parse(params);
    refuseOlder(seat, epoch);
    return { dropped: seats.delete(seat) };
  },
  drain: () => ({ draining: true }),
  "seat-quiesce": () => ({ quiet: true }),
  "seat-release": () => ({ released: true }),
}).listen(config.controlSocket);
process.on("SIGTERM", () => process.exit(0));
