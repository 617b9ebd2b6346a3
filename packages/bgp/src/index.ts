/** The public surface of the BGP speaker. Read `events.ts` first. */
export {
  asnProblem,
  type CloudRuleSwitches,
  cloudExportPolicy,
  cloudImportPolicy,
  cloudPeer,
  DEFAULT_GATEWAY_ASN,
  gatewayApipaProblem,
  isApipa,
  MAXIMUM_PREFIXES,
  peerAddressProblem,
} from "./cloud-rules.ts";
export type { Family, GracefulRestartConfig, MaxPrefixes, PeerConfig, SpeakerConfig } from "./config.ts";
export type {
  BgpEffect,
  BgpInput,
  FibNextHop,
  FibRoute,
  PeerState,
  TransportOptions,
} from "./events.ts";
export type {
  Policy,
  PolicyMatch,
  PolicySet,
  PolicyStatement,
  PrefixRange,
  RouteSource,
} from "./policy.ts";
export { BgpSpeaker } from "./speaker.ts";
export type { PeerSessionState, SavedRoutes, SpeakerState } from "./speaker-state.ts";
export type { ApiBgpPeerStatus, GatewayRoute, PeerStatus, RouteQuery, Why, WhyPath } from "./status.ts";
