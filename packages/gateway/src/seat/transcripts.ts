/** The last exchanges of each tunnel in words, for `transcript`: bounded per tunnel and in tunnels. */
import type { TranscriptEntry } from "@tandem/ike";

const ENTRIES_PER_TUNNEL = 200;
/** Over all tunnels, about: some 40 MiB of text. With thousands of tunnels each page is shorter, but never below a handshake or two. */
const ENTRIES_IN_ALL = 100_000;
const ENTRIES_AT_LEAST = 20;
/** A tunnel that is gone keeps its page, since it is read to learn why; the oldest of very many go. */
const PAGES = 20_000;
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
      const oldest = this.#pages.keys().next().value;
      if (this.#pages.size >= PAGES && oldest !== undefined) this.#pages.delete(oldest);
      this.#pages.set(key, page);
    }
    page.push({ ...entry, at: this.#wallClock() });
    const limit = this.#limit();
    // Not at each entry: cutting the front off an array moves the rest.
    if (page.length > limit + limit / 4) page.splice(0, page.length - limit);
  }

  page(tunnel: string): readonly DatedEntry[] {
    return this.#pages.get(tunnel)?.slice(-this.#limit()) ?? [];
  }

  #limit(): number {
    const share = Math.floor(ENTRIES_IN_ALL / Math.max(1, this.#pages.size));
    return Math.min(ENTRIES_PER_TUNNEL, Math.max(ENTRIES_AT_LEAST, share));
  }

  tunnels(): string[] {
    return [...this.#pages.keys()];
  }

  forget(tunnel: string): void {
    this.#pages.delete(tunnel);
  }
}
