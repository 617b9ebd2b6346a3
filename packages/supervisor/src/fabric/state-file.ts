/**
 * The seats' owners and epochs, for the next agent. A disk that is full must not stop a failover: the kernel changes all
 * the same, and writing is tried again until it succeeds. An agent that dies meanwhile leaves an older state behind; the
 * supervisor, which knows the later epochs, puts it right.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SeatOwner } from "./seat-table.ts";

const AGAIN_MILLISECONDS = 1000;

export class StateFile {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  #failing = false;
  #again: NodeJS.Timeout | undefined;

  constructor(path: string, warn: (text: string) => void) {
    this.#path = path;
    this.#warn = warn;
  }

  /** Empty when there is none yet, or none that can be read: then the configuration's owners count. */
  read(): Map<string, SeatOwner> {
    try {
      return new Map(JSON.parse(readFileSync(this.#path, "utf8")) as [string, SeatOwner][]);
    } catch {
      return new Map();
    }
  }

  /** Whole or not at all. `entries` is asked again if it has to be tried again. */
  save(entries: () => readonly (readonly [string, SeatOwner])[]): void {
    clearTimeout(this.#again);
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#path}.new`, JSON.stringify(entries()), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
      if (this.#failing) this.#warn("the state file is written again");
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        this.#warn(`state file: ${(error as Error).message}; seats move all the same, and it is tried again`);
      }
      this.#failing = true;
      this.#again = setTimeout(() => this.save(entries), AGAIN_MILLISECONDS);
      this.#again.unref();
    }
  }

  close(): void {
    clearTimeout(this.#again);
  }
}
