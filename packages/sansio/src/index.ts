export type { Engine } from "./engine.ts";
export { type Duration, type Instant, seconds } from "./instant.ts";
export { type Random, seededRandom } from "./random.ts";
export { decodeRecord, encodeRecord, type RecordOptions } from "./record-codec.ts";
export { type Divergence, type EngineRecord, recordEngine, replayEngine } from "./recording.ts";
export { TimerHeap } from "./timer-heap.ts";
export { TimerTable } from "./timer-table.ts";
