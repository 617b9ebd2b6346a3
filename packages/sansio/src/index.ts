export type { Engine } from "./engine.ts";
export { type Duration, type Instant, seconds } from "./instant.ts";
export { type Random, seededRandom } from "./random.ts";
