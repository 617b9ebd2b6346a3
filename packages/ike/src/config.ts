/**
 * What the engine is told about its peers. The gateway makes these values from its own configuration
 * (IpsecPolicy, LNG, connection mode); everything here has been checked before it arrives. All of it is serialisable.
 * Times are milliseconds. Addresses are canonical text.
 */
import type { EncryptionName, GroupName, IntegrityName, PrfName } from "@tandem/crypto";
import type { Duration, Random } from "@tandem/sansio";

export interface EncryptionOffer {
  readonly name: EncryptionName;
  readonly keyBits: number;
}

/**
 * One proposal for the IKE SA: any combination of the members is acceptable, earlier members are preferred.
 * `integrity` is empty (or ["none"]) exactly when every encryption is an AEAD (RFC 7296 §3.3).
 */
export interface IkeProposal {
  readonly encryption: readonly EncryptionOffer[];
  readonly integrity: readonly IntegrityName[];
  readonly prf: readonly PrfName[];
  readonly groups: readonly GroupName[];
}

/**
 * One proposal for a Child SA. `groups` names the PFS groups; empty or containing "none" lets it be made without PFS.
 * Groups do not apply to the Child SA made by IKE_AUTH (RFC 7296 §1.2).
 */
export interface EspProposal {
  readonly encryption: readonly EncryptionOffer[];
  readonly integrity: readonly IntegrityName[];
  readonly groups: readonly (GroupName | "none")[];
  /** Extended sequence numbers, preferred first. */
  readonly esn: readonly boolean[];
}

/** Offered in order when we initiate, accepted in order when we respond. */
export interface Proposals<P> {
  readonly offer: readonly P[];
  readonly accept: readonly P[];
}

/** RFC 7296 §3.13.1. `protocol` 0 is any; ports 0..65535 is any; ports 65535..0 is OPAQUE. */
export interface TrafficSelector {
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
  readonly startAddress: string;
  readonly endAddress: string;
}

/** What one Child SA is proposed for when we initiate. */
export interface ChildPolicy {
  readonly name: string;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
}

/** RFC 5996 §3.5 identities as text; see identity.ts for how text becomes a type. "%any" matches all. */
export type IdentityText = string;

export interface PskAuthentication {
  readonly method: "psk";
  /** The shared key's octets, no padding or terminating null (RFC 7296 §2.15). */
  readonly secret: Uint8Array;
}

export interface CertificateAuthentication {
  readonly method: "certificate";
  /** DER, own leaf first. */
  readonly chain: readonly Uint8Array[];
  /** PKCS #8 DER (crypto's `privateKeyFromPem` makes it from PEM). */
  readonly privateKey: Uint8Array;
  /** DER certificates that are believed. */
  readonly trustAnchors: readonly Uint8Array[];
  /** DER. */
  readonly crls: readonly Uint8Array[];
  /** Use RSASSA-PSS where the peer knows RFC 7427; default false (PKCS #1 v1.5, which everybody has). */
  readonly preferPss?: boolean;
}

export type Authentication = PskAuthentication | CertificateAuthentication;

export interface IkeConnection {
  /** The tunnel's id, unique in the endpoint. For a template (`remote` null) each peer's tunnel is `tunnel` + "/" + its identity. */
  readonly tunnel: string;
  readonly connection: string;
  /** Own addresses; when initiating, the first of the remote's family is used. */
  readonly local: readonly string[];
  /** `null`: any address (a client, or a peer whose address is not known). Such a connection never initiates. */
  readonly remote: string | null;
  readonly mode: "Default" | "InitiatorOnly" | "ResponderOnly";
  readonly localId: IdentityText;
  readonly remoteId: IdentityText;
  readonly authentication: Authentication;
  readonly ike: Proposals<IkeProposal>;
  readonly esp: Proposals<EspProposal>;
  readonly ikeLifetime: Duration;
  readonly childLifetime: Duration;
  /** Silence after which the peer counts as dead (the cloud: 45 s, 9 to 3,600 s). */
  readonly dpdTimeout: Duration;
  /** Child SAs proposed on initiation: the first with IKE_AUTH, the others right after. Empty: childless (RFC 6023) when the peer can, else any-to-any. */
  readonly children: readonly ChildPolicy[];
  /**
   * As responder: "any" takes whatever the peer proposes (the cloud's rule); otherwise proposals are narrowed to `children`.
   */
  readonly responderSelectors: "any" | "policy";
  /** ESP in UDP even where no NAT is found. */
  readonly forceEncapsulation: boolean;
  /** Full reauthentication, make-before-break, in place of an IKE SA rekey. */
  readonly reauthenticate?: boolean;
  /** RFC 7383; default true. */
  readonly fragmentation?: boolean;
  /** Responder: prefixes to hand out virtual addresses from, and DNS servers told with them. */
  readonly addressPool?: readonly string[];
  readonly dnsServers?: readonly string[];
  /** Initiator: ask for a virtual address of each family that the children's selectors have. */
  readonly requestAddress?: boolean;
}

/** Limits and schedules of the endpoint; each has a default in constants.ts. */
export interface IkeLimits {
  readonly halfOpenCookieThreshold?: number;
  readonly halfOpenMax?: number;
  readonly halfOpenPerSourceMax?: number;
  readonly fragmentIpSize?: number;
  readonly retransmitFirst?: Duration;
  readonly retransmitTries?: number;
}

/**
 * Constructor options of `IkeEndpoint`. One endpoint serves one seat; it runs in virtual or real time alike.
 * `replicate` turns on `replicate` effects and the barrier in front of every datagram that exposes state.
 */
export interface IkeEndpointOptions {
  readonly random: Random;
  /** A name that makes IKE SA and Child SA ids unique in the process, for example the seat's. */
  readonly name?: string;
  readonly replicate?: boolean;
  /** Unix time in milliseconds at instant 0: certificates are checked against the calendar. */
  readonly unixTimeAtZero?: number;
  readonly limits?: IkeLimits;
}
