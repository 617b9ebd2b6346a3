export type {
  Authentication,
  CertificateAuthentication,
  ChildPolicy,
  EncryptionOffer,
  EspProposal,
  IdentityText,
  IkeConnection,
  IkeEndpointOptions,
  IkeLimits,
  IkeProposal,
  Proposals,
  PskAuthentication,
  TrafficSelector,
} from "./config.ts";
export { CLOUD_ESP_PROPOSALS, CLOUD_IKE_PROPOSALS } from "./default-proposals.ts";
export { IkeEndpoint } from "./endpoint.ts";
export type {
  ChildSaInstall,
  Datagram,
  DownCause,
  EspKeyMaterial,
  IkeEffect,
  IkeInput,
} from "./events.ts";
export type { ExportedChildSa, ExportedIkeSa, IkeKeys, IkeSuite } from "./exported-ike-sa.ts";
export { ANY_SELECTORS, selectorOfText, selectorText } from "./traffic-selector.ts";
export type { TranscriptEntry } from "./transcript/entry.ts";
export type { IkeTunnelStatus } from "./tunnel-status.ts";
