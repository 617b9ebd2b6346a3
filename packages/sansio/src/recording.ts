/**
 * Recording an engine's inputs and effects as JSONL, and replaying them into a fresh engine, byte for byte.
 *
 *      {"at":0,"input":{...}}     {"at":500,"timeout":true}     {"at":500,"effect":{...}}
 *
 * An engine that takes its chance from a seeded `Random` and its time from arguments gives the same effects again.
 */
import type { Engine } from "./engine.ts";
import type { Instant } from "./instant.ts";
import { decodeRecord, encodeRecord, type RecordOptions } from "./record-codec.ts";

export type EngineRecord<Input, Effect> =
  | { readonly at: Instant; readonly input: Input }
  | { readonly at: Instant; readonly timeout: true }
  | { readonly at: Instant; readonly effect: Effect };

/** The same engine, with every call written down. `write` gets one line at a time, without the line feed. */
export function recordEngine<Input, Effect>(
  engine: Engine<Input, Effect>,
  write: (line: string) => void,
  options: RecordOptions = {},
): Engine<Input, Effect> {
  let at: Instant = 0;
  const line = (record: EngineRecord<Input, Effect>): void => write(encodeRecord(record, options));
  return {
    handle(input, now) {
      at = now;
      // Written first: the engine may keep and change what it is given, and it may throw.
      line({ at, input });
      engine.handle(input, now);
    },
    handleTimeout(now) {
      at = now;
      line({ at, timeout: true });
      engine.handleTimeout(now);
    },
    poll() {
      const effect = engine.poll();
      if (effect !== undefined) line({ at, effect });
      return effect;
    },
    nextTimeout: () => engine.nextTimeout(),
  };
}

/** Where a replay went another way than the recording: line numbers count from 1. */
export interface Divergence {
  readonly line: number;
  readonly recorded: string | undefined;
  readonly replayed: string | undefined;
}

/** Feeds the recorded inputs and timeouts to `engine`; returns the first difference of effects, or `undefined`. */
export function replayEngine<Input, Effect>(
  lines: readonly string[],
  engine: Engine<Input, Effect>,
): Divergence | undefined {
  const records = lines.map((text) => decodeRecord(text) as EngineRecord<Input, Effect>);
  for (const [index, record] of records.entries()) {
    const line = index + 1;
    if ("effect" in record) {
      const effect = engine.poll();
      const recorded = encodeRecord(record.effect, { includeSecrets: true });
      const replayed = effect === undefined ? undefined : encodeRecord(effect, { includeSecrets: true });
      if (recorded !== replayed) return { line, recorded, replayed };
      continue;
    }
    const surplus = index > 0 ? engine.poll() : undefined;
    if (surplus !== undefined)
      return { line, recorded: undefined, replayed: encodeRecord(surplus, { includeSecrets: true }) };
    if ("input" in record) engine.handle(record.input, record.at);
    else engine.handleTimeout(record.at);
  }
  const surplus = engine.poll();
  if (surplus === undefined) return undefined;
  return {
    line: lines.length + 1,
    recorded: undefined,
    replayed: encodeRecord(surplus, { includeSecrets: true }),
  };
}
