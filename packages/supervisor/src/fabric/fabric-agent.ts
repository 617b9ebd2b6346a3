/**
 * The fabric's agent. Everything that forwards is state of the kernel: when the agent dies, packets go on as they went.
 *
 *      set-owner(seat, owner, epoch) ─▶ seat table (epochs) ─▶ state file ─▶ routes, next hops ─▶ filter ─▶ answer
 *
 * The state file is written before the kernel changes (without waiting for the disk: it guards against the death of
 * this process, not of the machine), so an agent that starts again refuses everything older.
 */
import type {
  FabricConfig,
  FabricGateway,
  FabricSeat,
  FabricSeatState,
  SetOwnerAnswer,
} from "@tandem/contract";
import { Refusal } from "../control/control-server.ts";
import { IpProcess, ipQuery } from "./ip-process.ts";
import { filterChange, filterRules, runNft } from "./seat-filter.ts";
import { type SeatOwner, SeatTable } from "./seat-table.ts";
import { DualSpread, type KernelNextHop, type SpreadMember } from "./spread.ts";
import { StateFile } from "./state-file.ts";

interface LinkState {
  readonly ifname: string;
  readonly operstate: string;
}

/** Milliseconds after `prepare-owner` without a `set-owner`. */
const LONGEST_AHEAD = 1000;

const firstId = (gateway: number): number => 1000 * (gateway + 1);

export class FabricAgent {
  readonly #config: FabricConfig;
  readonly #warn: (text: string) => void;
  readonly #ip = new IpProcess();
  readonly #seats: SeatTable;
  readonly #state: StateFile;
  readonly #spreads: ReadonlyMap<string, DualSpread>;
  /** Interfaces without carrier. */
  #down: ReadonlySet<string> = new Set();
  #filter: "nftables" | "reverse path only" = "nftables";
  /** seat -> the instance that VNet flows go to already, and the end of that. */
  readonly #ahead = new Map<string, { readonly owner: string; readonly timer: NodeJS.Timeout }>();
  #filterWork: Promise<void> = Promise.resolve();

  constructor(config: FabricConfig, warn: (text: string) => void) {
    this.#config = config;
    this.#warn = warn;
    this.#state = new StateFile(config.stateFile, warn);
    const saved = this.#state.read();
    const seats = new Map<string, SeatOwner>();
    const instances = new Map<string, ReadonlySet<string>>();
    for (const gateway of config.gateways) {
      for (const seat of gateway.seats) {
        const known = saved.get(seat.name);
        const fresh = { owner: seat.owner, epoch: seat.epoch, drained: false };
        seats.set(seat.name, known !== undefined && known.epoch >= seat.epoch ? known : fresh);
        instances.set(seat.name, new Set(gateway.ports.map((p) => p.instance)));
      }
    }
    this.#seats = new SeatTable(seats, instances);
    this.#spreads = new Map(
      config.gateways.map((g, i) => [
        g.name,
        new DualSpread(
          firstId(i),
          g.table,
          config.buckets,
          g.seats.map((s) => s.name),
        ),
      ]),
    );
  }

  /** Makes the kernel agree with what is known. Also for a second start, and after a link came or went. */
  async apply(): Promise<void> {
    const [kernel, links] = await Promise.all([ipQuery(["nexthop", "show"]), ipQuery(["link", "show"])]);
    this.#down = new Set(
      (links as LinkState[])
        .filter((l) => l.operstate === "DOWN" || l.operstate === "LOWERLAYERDOWN")
        .map((l) => l.ifname),
    );
    const lines: string[] = [];
    for (const gateway of this.#config.gateways) {
      this.#spreads.get(gateway.name)!.learn(kernel as KernelNextHop[], this.#spreadMembers(gateway));
      for (const seat of gateway.seats) lines.push(...this.#seatRoutes(gateway, seat));
      lines.push(...this.#spreadLines(gateway));
    }
    this.#report(await this.#ip.run(lines));
  }

  async start(): Promise<void> {
    this.#save();
    const complaint = await runNft(filterRules(this.#config, this.#owners()));
    if (complaint !== undefined) {
      this.#filter = "reverse path only";
      this.#warn(`nftables cannot be used (${complaint}); inside ports and IPv6 are not filtered`);
    }
    await this.apply();
  }

  /** Throws a `Refusal` for an epoch that is too old. The same command again changes nothing and is answered alike. */
  async setOwner(
    seat: string,
    owner: string | null,
    epoch: number,
    drained = false,
  ): Promise<SetOwnerAnswer> {
    const started = performance.now();
    const claim = this.#seats.claim(seat, owner, epoch, drained);
    if (claim.kind === "refused") throw new Refusal(claim.reason);
    this.#forgetAhead(seat);
    if (claim.kind === "changed") {
      this.#save();
      const { gateway, config } = this.#find(seat);
      this.#report(await this.#ip.run([...this.#seatRoutes(gateway, config), ...this.#spreadLines(gateway)]));
    }
    const milliseconds = performance.now() - started;
    if (claim.kind === "changed") {
      const filtered = this.#changeFilter();
      // IPv4's filter has changed with the route; nobody waits for the rest unless it guards a public IP.
      if (this.#find(seat).config.publicIps.some((ip) => ip.includes(":"))) await filtered;
    }
    return { changed: claim.kind === "changed", epoch, milliseconds };
  }

  /**
   * The first half of a hand-over between two living instances: what the VNet sends goes to the next owner already, and
   * what the present one still has goes out as its own. A `set-owner` follows; if none does, all is as before.
   */
  async prepareOwner(seat: string, owner: string): Promise<void> {
    const { gateway } = this.#find(seat);
    if (!gateway.ports.some((p) => p.instance === owner)) throw new Refusal(`${seat} cannot be at ${owner}`);
    this.#forgetAhead(seat);
    const timer = setTimeout(() => {
      this.#ahead.delete(seat);
      void this.#ip.run(this.#spreadLines(gateway)).then((complaints) => this.#report(complaints));
    }, LONGEST_AHEAD);
    this.#ahead.set(seat, { owner, timer });
    this.#report(await this.#ip.run(this.#spreadLines(gateway)));
  }

  #forgetAhead(seat: string): void {
    clearTimeout(this.#ahead.get(seat)?.timer);
    this.#ahead.delete(seat);
  }

  async drain(seat: string, drained: boolean): Promise<void> {
    const claim = this.#seats.drain(seat, drained);
    if (claim.kind === "refused") throw new Refusal(claim.reason);
    this.#save();
    this.#report(await this.#ip.run(this.#spreadLines(this.#find(seat).gateway)));
  }

  status(): { seats: FabricSeatState[]; filter: string } {
    return {
      seats: this.#config.gateways.flatMap((g) =>
        g.seats.map((s) => ({
          name: s.name,
          publicIp: s.publicIps[0]!,
          bgpIp: s.bgpIp,
          ...this.#seats.get(s.name)!,
        })),
      ),
      filter: this.#filter,
    };
  }

  close(): void {
    this.#state.close();
    this.#ip.close();
  }

  #seatRoutes(gateway: FabricGateway, seat: FabricSeat): string[] {
    const owner = this.#seats.get(seat.name)!.owner;
    const port = gateway.ports.find((p) => p.instance === owner);
    const route = (
      ip: string,
      to: { via: readonly string[]; interface: string } | undefined,
      table: string,
    ) => {
      const prefix = `${ip}/${ip.includes(":") ? 128 : 32}`;
      const via = to?.via.find((v) => v.includes(":") === ip.includes(":"));
      if (to === undefined || via === undefined) return `route replace blackhole ${prefix}${table}`;
      return `route replace ${prefix} via ${via} dev ${to.interface}${table}`;
    };
    return [
      ...seat.publicIps.map((ip) => route(ip, port?.outside, "")),
      route(seat.bgpIp, port?.inside, ` table ${gateway.table}`),
    ];
  }

  #spreadLines(gateway: FabricGateway): string[] {
    return this.#spreads.get(gateway.name)!.change(this.#spreadMembers(gateway));
  }

  /** Draining the only seat that is left would drop packets instead of moving them, so it stays in. */
  #spreadMembers(gateway: FabricGateway): SpreadMember[] {
    const seats = gateway.seats.map((seat) => {
      const { owner, drained } = this.#seats.get(seat.name)!;
      const to = this.#ahead.get(seat.name)?.owner ?? owner;
      const port = gateway.ports.find((p) => p.instance === to);
      const usable = port !== undefined && !this.#down.has(port.inside.interface);
      return {
        name: seat.name,
        drained,
        nextHop: usable ? { via: port.inside.via, device: port.inside.interface } : undefined,
      };
    });
    const others = seats.some((s) => s.nextHop !== undefined && !s.drained);
    return seats.map((s) => ({ name: s.name, nextHop: s.drained && others ? undefined : s.nextHop }));
  }

  /** Changes of the filter are made one after the other, each with the latest owners. */
  #changeFilter(): Promise<void> {
    if (this.#filter !== "nftables") return Promise.resolve();
    this.#filterWork = this.#filterWork.then(async () => {
      const complaint = await runNft(filterChange(this.#config, this.#owners()));
      if (complaint !== undefined) this.#warn(`nftables: ${complaint}`);
    });
    return this.#filterWork;
  }

  #owners(): ReadonlyMap<string, SeatOwner> {
    return new Map(this.#seats.entries());
  }

  #find(name: string): { gateway: FabricGateway; config: FabricSeat } {
    for (const gateway of this.#config.gateways) {
      const config = gateway.seats.find((s) => s.name === name);
      if (config !== undefined) return { gateway, config };
    }
    throw new Refusal(`no seat ${name}`);
  }

  #report(complaints: string): void {
    if (complaints !== "") this.#warn(`ip: ${complaints}`);
  }

  #save(): void {
    this.#state.save(() => this.#seats.entries());
  }
}
