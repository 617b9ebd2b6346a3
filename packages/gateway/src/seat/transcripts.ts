/** The last exchanges of each tunnel in words, for `transcript`: bounded per tunnel and in tunnels. */
import type { TranscriptEntry } from "@tandem/ike";

const ENTRIES_PER_TUNNEL = 200;
/** Half-open exchanges of strangers have no tunnel; they share one page. */
export const UNKNOWN_TUNNEL = "";

export interface DatedEntry extends Omit<TranscriptEntry, "at"> {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export class Transcripts {
  readonly #pages = new Map<string, DatedEntry[]>();
  readonly #wallClock: () => number;

  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  append(tunnel: string | undefined, entry: TranscriptEntry): void {
    const key = tunnel ?? UNKNOWN_TUNNEL;
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = [];
      this.#pages.set(key, page);
    }
    page.push({ ...entry, at: this.#wallClock() });
    if (page.length > ENTRIES_PER_TUNNEL) page.splice(0, page.length - ENTRIES_PER_TUNNEL);
  }

  page(tunnel: string): readonly DatedEntry[] {
    return this.#pages.get(tunnel) ?? [];
  }

  tunnels(): string[] {
    return [...this.#pages.keys()];
  }

  forget(tunnel: string): void {
    this.#pages.delete(tunnel);
  }
}
