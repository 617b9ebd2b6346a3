/**
 * The supervisor: one pair driver per gateway, one monitor per instance, one connection to the fabric's agent.
 * It may die at any moment: what forwards does not need it, and a new one picks up what it finds.
 */
import {
  FabricPortEvent,
  FabricStatus,
  type LabStatus,
  ProcessStatus,
  type SupervisedInstance,
  type SupervisorConfig,
} from "@tandem/contract";
import { ControlClient } from "./control/control-client.ts";
import { Refusal } from "./control/control-server.ts";
import { InstanceMonitor } from "./health/instance-monitor.ts";
import { SeatProbe } from "./health/seat-probe.ts";
import { Journal } from "./journal.ts";
import { labStatus } from "./lab-status.ts";
import type { PairConfig } from "./pair/pair-config.ts";
import type { PairCommand } from "./pair/pair-events.ts";
import { type CommandAnswer, PairDriver } from "./pair-driver.ts";
import { DesiredState } from "./state/desired-state.ts";

const STATUS_MILLISECONDS = 500;

export class Supervisor {
  readonly config: SupervisorConfig;
  readonly journal: Journal;
  readonly state: DesiredState;
  readonly #fabric: ControlClient;
  readonly #monitors = new Map<string, InstanceMonitor>();
  readonly #drivers = new Map<string, PairDriver>();
  readonly #probe: SeatProbe;

  constructor(config: SupervisorConfig) {
    this.config = config;
    this.journal = new Journal("supervisor");
    this.state = new DesiredState(config.stateFile, (message) =>
      this.journal.append({ event: "state.failed", message }),
    );
    this.state.set("resources", config.resources ?? null);
    this.state.set("profile", config.profile);
    this.#fabric = new ControlClient(config.fabricSocket, {
      onUp: () => {
        this.#fabric.call("subscribe").catch(() => {});
        for (const driver of this.#drivers.values()) void driver.learnFabric();
      },
      onDown: () => {
        this.journal.append({
          event: "fabric.lost",
          message: "the fabric's agent is gone; everything forwards as it did",
        });
        for (const driver of this.#drivers.values()) driver.input({ kind: "fabric-lost" });
      },
      onEvent: (event) => {
        const port = FabricPortEvent.safeParse(event);
        if (port.success) this.#monitors.get(port.data.instance)?.port(port.data.side, port.data.up);
      },
    });
    this.#probe = new SeatProbe(
      config.gateways.flatMap((g) => g.seats.map((s) => ({ seat: s.name, address: s.publicIps[0]! }))),
      config.probeMilliseconds,
      (error) => this.journal.append({ event: "probe.failed", message: error.message }),
    );
    for (const instance of config.instances) this.#monitors.set(instance.name, this.#monitor(instance));
    for (const gateway of config.gateways) this.#drivers.set(gateway.name, this.#driver(gateway.name));
  }

  status(): Promise<LabStatus> {
    return labStatus(this.config, {
      seats: [...this.#drivers.values()].flatMap((d) => d.engine.seats()),
      instances: [...this.#drivers.values()].flatMap((d) => d.engine.instances()),
      ask: async (instance) => {
        try {
          return ProcessStatus.parse(
            await this.#monitors.get(instance)?.client.call("status", undefined, STATUS_MILLISECONDS),
          );
        } catch {
          return undefined;
        }
      },
      fabric: this.#fabric.up,
    });
  }

  counters(): { gateway: string; failovers: number; starts: number }[] {
    return [...this.#drivers].map(([gateway, driver]) => ({ gateway, ...driver.counters }));
  }

  async fabricStatus(): Promise<FabricStatus> {
    return FabricStatus.parse(await this.#fabric.call("status", undefined, STATUS_MILLISECONDS));
  }

  /** Throws a `Refusal` with the engine's reason. */
  async command(gateway: string | undefined, command: PairCommand): Promise<{ message: string }> {
    const answer = await this.#driverFor(gateway, command).command(command);
    return accepted(answer);
  }

  cutControl(instance: string | undefined, cut: boolean): { message: string } {
    const names = instance === undefined ? [...this.#monitors.keys()] : [instance];
    for (const name of names) {
      const monitor = this.#monitors.get(name);
      if (monitor === undefined)
        throw new Refusal(`no instance ${name}`, [...this.#monitors.keys()].join(", "));
      monitor.client.hold(cut);
    }
    return { message: `${names.join(", ")}: control ${cut ? "cut" : "healed"}` };
  }

  close(): void {
    for (const driver of this.#drivers.values()) driver.close();
    for (const monitor of this.#monitors.values()) monitor.close();
    this.#probe.close();
    this.#fabric.close();
    this.state.close();
  }

  #driverFor(gateway: string | undefined, command: PairCommand): PairDriver {
    const target =
      "instance" in command ? command.instance : "target" in command ? command.target : undefined;
    const name = gateway ?? target?.split("/")[0];
    const driver = name === undefined ? [...this.#drivers.values()][0] : this.#drivers.get(name);
    if (driver === undefined) {
      throw new Refusal(
        `no gateway, instance or seat "${target ?? name}"`,
        `gateways: ${[...this.#drivers.keys()].join(", ")}`,
      );
    }
    return driver;
  }

  #monitor(instance: SupervisedInstance): InstanceMonitor {
    const { heartbeatMilliseconds, silentMilliseconds, probeMisses } = this.config;
    const input: PairDriver["input"] = (i) => this.#drivers.get(instance.gateway)?.input(i);
    return new InstanceMonitor(
      instance.controlSocket,
      { heartbeatMilliseconds, silentMilliseconds, probeMisses },
      () => this.#worstProbe(instance),
      {
        onUp: (pid, seats) => input({ kind: "instance-up", instance: instance.name, pid, seats }),
        onDown: (cause, message) => input({ kind: "instance-down", instance: instance.name, cause, message }),
        onEvent: (event) => this.journal.relay(event),
      },
    );
  }

  /** The most misses of the seats that it owns and that have answered it before. */
  #worstProbe(instance: SupervisedInstance): number | undefined {
    const owned = this.#drivers.get(instance.gateway)?.engine.seats() ?? [];
    const misses = owned
      .filter((s) => s.owner === instance.name)
      .flatMap((s) => this.#probe.misses(s.name) ?? []);
    return misses.length === 0 ? undefined : Math.max(...misses);
  }

  #driver(gateway: string): PairDriver {
    const { config } = this;
    const pair: PairConfig = {
      gateway,
      profile: config.profile,
      instances: config.instances.filter((i) => i.gateway === gateway).map((i) => i.name),
      seats: config.gateways.find((g) => g.name === gateway)!.seats,
      planned: range(config.plannedMilliseconds),
      unplanned: range(config.unplannedMilliseconds),
      restart: config.restart,
      restartDelay: config.restartDelayMilliseconds,
      failback: config.failback,
    };
    return new PairDriver(pair, {
      fabric: this.#fabric,
      monitors: this.#monitors,
      supervised: new Map(config.instances.map((i) => [i.name, i])),
      state: this.state,
      journal: this.journal,
      ownerChanged: (seat) => this.#probe.reset(seat),
    });
  }
}

function accepted(answer: CommandAnswer): { message: string } {
  if (!answer.ok) throw new Refusal(answer.message);
  return { message: answer.message };
}

const range = (pair: readonly number[]): readonly [number, number] => [pair[0]!, pair[1]!];
