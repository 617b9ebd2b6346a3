/**
 * What the receiver of a flow has seen. Loss and outage by the words of RFC 7747 §5 (convergence benchmarks):
 * a gap is a run of sequence numbers that never came; its timestamp-derived length is the time between the arrivals on
 * either side of it, its loss-derived length is the packets lost divided by the rate at which they were sent.
 */
export interface Gap {
  /** Arrival of the last packet before, and of the first after; µs of CLOCK_MONOTONIC. */
  readonly fromMicroseconds: number;
  readonly toMicroseconds: number;
  readonly lost: number;
}

/** A long time without a packet, whether or not any was lost: a stopped gateway may deliver later what it had queued. */
export interface Silence {
  readonly fromMicroseconds: number;
  readonly toMicroseconds: number;
}

export interface FlowReport {
  readonly flow: number;
  readonly received: number;
  readonly duplicates: number;
  readonly reordered: number;
  readonly highest: number;
  /** Sequence numbers up to the highest seen that did not come. */
  readonly lost: number;
  readonly firstMicroseconds: number;
  readonly lastMicroseconds: number;
  /** The longest time without a packet, with or without loss. */
  readonly longestSilenceMicroseconds: number;
  readonly gaps: readonly Gap[];
  readonly silences: readonly Silence[];
  /** `recent`: a moving average over about the last eight packets. */
  readonly delayMicroseconds: {
    readonly min: number;
    readonly mean: number;
    readonly max: number;
    readonly recent: number;
  };
}

/** Beyond this a late packet no longer fills its gap: it is counted as lost and as reordered. */
const REORDER_WINDOW = 1024;
/** The most recent ones are kept, of gaps and of silences. */
const MAX_GAPS = 256;
/** Shorter ones without loss are the scheduler's, not an outage. */
const SILENCE_MICROSECONDS = 250_000;

interface OpenGap {
  readonly fromMicroseconds: number;
  readonly toMicroseconds: number;
  readonly missing: Set<number>;
  readonly first: number;
}

export class FlowRecord {
  readonly flow: number;
  #received = 0;
  #duplicates = 0;
  #reordered = 0;
  #highest = 0;
  #first = 0;
  #last = 0;
  #longestSilence = 0;
  #lostForGood = 0;
  #gaps: OpenGap[] = [];
  readonly #silences: Silence[] = [];
  #delaySum = 0;
  #delayMin = Number.POSITIVE_INFINITY;
  #delayMax = 0;
  #delayRecent = 0;

  constructor(flow: number) {
    this.flow = flow;
  }

  /** `sequence` begins with 1. */
  receive(sequence: number, sentMicroseconds: number, now: number): void {
    this.#measureDelay(now - sentMicroseconds);
    if (this.#received === 0) {
      this.#first = now;
      this.#last = now;
      if (sequence > 1) this.#openGap(1, sequence - 1, sentMicroseconds, now);
      this.#highest = sequence;
      this.#received = 1;
      return;
    }
    if (sequence <= this.#highest) {
      this.#late(sequence);
      return;
    }
    const silence = now - this.#last;
    if (silence > this.#longestSilence) this.#longestSilence = silence;
    if (silence > SILENCE_MICROSECONDS) {
      this.#silences.push({ fromMicroseconds: this.#last, toMicroseconds: now });
      if (this.#silences.length > MAX_GAPS) this.#silences.shift();
    }
    if (sequence > this.#highest + 1) this.#openGap(this.#highest + 1, sequence - 1, this.#last, now);
    this.#highest = sequence;
    this.#last = now;
    this.#received++;
  }

  report(): FlowReport {
    const gaps = this.#gaps.filter(({ missing }) => missing.size > 0);
    return {
      flow: this.flow,
      received: this.#received,
      duplicates: this.#duplicates,
      reordered: this.#reordered,
      highest: this.#highest,
      lost: this.#lostForGood + gaps.reduce((sum, { missing }) => sum + missing.size, 0),
      firstMicroseconds: this.#first,
      lastMicroseconds: this.#last,
      longestSilenceMicroseconds: this.#longestSilence,
      gaps: gaps.map(({ fromMicroseconds, toMicroseconds, missing }) => ({
        fromMicroseconds,
        toMicroseconds,
        lost: missing.size,
      })),
      silences: [...this.#silences],
      delayMicroseconds: {
        min: this.#received === 0 ? 0 : this.#delayMin,
        mean: this.#received === 0 ? 0 : this.#delaySum / (this.#received + this.#duplicates),
        max: this.#delayMax,
        recent: this.#delayRecent,
      },
    };
  }

  #late(sequence: number): void {
    const gap = this.#gaps.find(({ missing }) => missing.has(sequence));
    if (gap === undefined) {
      this.#duplicates++;
      return;
    }
    this.#reordered++;
    if (this.#highest - sequence > REORDER_WINDOW) return;
    gap.missing.delete(sequence);
    this.#received++;
  }

  #openGap(first: number, last: number, fromMicroseconds: number, toMicroseconds: number): void {
    const missing = new Set<number>();
    for (let sequence = first; sequence <= last; sequence++) missing.add(sequence);
    this.#gaps.push({ fromMicroseconds, toMicroseconds, missing, first });
    if (this.#gaps.length <= MAX_GAPS) return;
    const oldest = this.#gaps.shift();
    this.#lostForGood += oldest?.missing.size ?? 0;
  }

  #measureDelay(delay: number): void {
    this.#delaySum += delay;
    this.#delayRecent += this.#received === 0 ? delay : (delay - this.#delayRecent) / 8;
    if (delay < this.#delayMin) this.#delayMin = delay;
    if (delay > this.#delayMax) this.#delayMax = delay;
  }
}
