export {
  A,
  B,
  type EffectOf,
  establishedPair,
  type Flight,
  type LinkRule,
  Network,
  Node,
  type Pair,
  testConnection,
  testPair,
} from "./exchange-pair.ts";
export { blackHole, outboundChild, settled } from "./invariants.ts";
