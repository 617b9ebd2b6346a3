/** A data plane that records commands and answers them at once: for tests of everything above it. */
import type { DataPlaneEvent } from "../dataplane/commands.ts";
import type { ChildSaCounters, DataPlaneCommand, DataPlanePort } from "../dataplane-port.ts";

export class FakeDataPlane implements DataPlanePort {
  readonly commands: DataPlaneCommand[] = [];
  /** What the next `take-active` answers. */
  readonly active: string[] = [];
  readonly counts = new Map<string, ChildSaCounters>();
  readonly backend = "fake";
  readonly offloads: readonly string[] = [];
  /** Reasons for refusing the next command of a kind. */
  readonly refusals = new Map<DataPlaneCommand["kind"], string>();
  #listener: (event: DataPlaneEvent) => void = () => {};
  #observer: (command: DataPlaneCommand) => void = () => {};

  command(command: DataPlaneCommand): Promise<unknown> {
    this.commands.push(command);
    const refusal = this.refusals.get(command.kind);
    if (refusal !== undefined) {
      this.refusals.delete(command.kind);
      return Promise.reject(new Error(refusal));
    }
    this.#observer(command);
    if (command.kind === "take-active") return Promise.resolve(this.active.splice(0));
    return Promise.resolve({ slot: 0 });
  }

  onEvent(listener: (event: DataPlaneEvent) => void): void {
    this.#listener = listener;
  }

  /** Sees every command as it is carried out: a simulated wire hangs on this. */
  observe(observer: (command: DataPlaneCommand) => void): void {
    this.#observer = observer;
  }

  emit(event: DataPlaneEvent): void {
    this.#listener(event);
  }

  kinds(): string[] {
    return this.commands.map((command) => command.kind);
  }

  of<K extends DataPlaneCommand["kind"]>(kind: K): Extract<DataPlaneCommand, { kind: K }>[] {
    return this.commands.filter(
      (command): command is Extract<DataPlaneCommand, { kind: K }> => command.kind === kind,
    );
  }

  childCounters(childSa: string): ChildSaCounters | undefined {
    return this.counts.get(childSa);
  }

  flows(): number {
    return 0;
  }

  counters(): Record<string, number> {
    return {};
  }

  drops(): Record<string, number> {
    return {};
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
