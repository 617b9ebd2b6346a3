/** The test's hold on an ike-node.ts process: gives inputs, keeps every effect, waits for what should happen. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { IkeConnection, IkeEffect, IkeInput, IkeLimits } from "../../src/index.ts";
import type { NodeMessage, NodeOptions, NodeRequest, NodeSnapshot } from "./ike-node.ts";

export type EffectOf<K extends IkeEffect["kind"]> = Extract<IkeEffect, { kind: K }>;

const PROGRAM = fileURLToPath(new URL("./ike-node.ts", import.meta.url));
/** Milliseconds. A handshake takes some 50; the machine may be busy. */
export const PATIENCE = 8_000;

export class TandemPeer {
  readonly #process: ChildProcess;
  readonly effects: IkeEffect[] = [];
  readonly #waiting: Set<() => void> = new Set();
  readonly #snapshots: Map<number, (snapshot: NodeSnapshot) => void> = new Map();
  #nextId = 1;
  #errors = "";
  #ended = false;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    child.on("message", (message: NodeMessage) => this.#take(message));
    child.on("exit", () => {
      this.#ended = true;
      for (const check of this.#waiting) check();
    });
  }

  static async start(netns: string, options: NodeOptions): Promise<TandemPeer> {
    const child = spawn(
      "ip",
      ["netns", "exec", netns, process.execPath, PROGRAM, JSON.stringify(options)],
      // Keys travel as byte arrays, hence structured clones instead of JSON.
      { stdio: ["ignore", "inherit", "pipe", "ipc"], serialization: "advanced" },
    );
    const peer = new TandemPeer(child);
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", () => reject(new Error(`the engine's process did not start: ${peer.#errors}`)));
    });
    return peer;
  }

  #take(message: NodeMessage): void {
    if (message.kind === "effect") {
      this.effects.push(message.effect);
      for (const check of this.#waiting) check();
    } else if (message.kind === "snapshot") this.#snapshots.get(message.id)?.(message.snapshot);
  }

  #tell(request: NodeRequest): void {
    if (this.#ended) throw new Error(`the engine's process has ended: ${this.#errors}`);
    this.#process.send(request);
  }

  input(input: IkeInput): void {
    this.#tell({ kind: "input", input });
  }

  set(connection: IkeConnection): void {
    this.input({ kind: "connection-set", connection });
  }

  /** Forgets everything and starts with a new engine. */
  reset(limits: IkeLimits = {}): void {
    this.effects.length = 0;
    this.#tell({ kind: "reset", limits });
  }

  halfOpen(count: number): void {
    this.#tell({ kind: "half-open", count });
  }

  snapshot(): Promise<NodeSnapshot> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const failed = setTimeout(
        () => reject(new Error(`the engine's process does not answer: ${this.#errors}`)),
        PATIENCE,
      );
      this.#snapshots.set(id, (snapshot) => {
        clearTimeout(failed);
        this.#snapshots.delete(id);
        resolve(snapshot);
      });
      this.#tell({ kind: "snapshot", id });
    });
  }

  of<K extends IkeEffect["kind"]>(kind: K, since = 0): EffectOf<K>[] {
    return this.effects.slice(since).filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  /** The first effect of that kind after mark `since` for which `holds`; rejects with the transcript when none comes. */
  async next<K extends IkeEffect["kind"]>(
    kind: K,
    options: {
      readonly since?: number;
      readonly within?: number;
      readonly holds?: (effect: EffectOf<K>) => boolean;
    } = {},
  ): Promise<EffectOf<K>> {
    const { since = 0, within = PATIENCE, holds = () => true } = options;
    const find = (): EffectOf<K> | undefined => this.of(kind, since).find(holds);
    return await new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(limit);
        this.#waiting.delete(check);
      };
      const check = (): void => {
        const found = find();
        if (found === undefined && !this.#ended) return;
        end();
        if (found !== undefined) resolve(found);
        else reject(new Error(`the engine's process ended: ${this.#errors}`));
      };
      const limit = setTimeout(() => {
        end();
        reject(new Error(`no ${kind} within ${within} ms\n${this.transcript}\n${this.#errors}`));
      }, within);
      this.#waiting.add(check);
      check();
    });
  }

  /** A mark for `since`. */
  get mark(): number {
    return this.effects.length;
  }

  get transcript(): string {
    return this.effects
      .flatMap((effect) => {
        if (effect.kind === "transcript") return effect.entry.lines;
        return effect.kind === "log" ? [effect.message] : [];
      })
      .join("\n");
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#tell({ kind: "stop" });
    await gone;
  }
}
