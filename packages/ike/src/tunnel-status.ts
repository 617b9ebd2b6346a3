/** A snapshot of one tunnel for `status` and `sas`: everything the contract's TunnelStatus needs that IKE knows. No secrets. */
export interface IkeChildStatus {
  readonly childSa: string;
  readonly policy: string;
  /** 8 hexadecimal digits. */
  readonly spiIn: string;
  readonly spiOut: string;
  /** For example "AES_GCM_16-128" or "AES_CBC-256/HMAC_SHA2_256_128". */
  readonly esp: string;
  readonly localTs: readonly string[];
  readonly remoteTs: readonly string[];
  readonly encapsulated: boolean;
  readonly installedSeconds: number;
  readonly rekeySeconds: number;
  readonly lifeSeconds: number;
}

export interface IkeTunnelStatus {
  readonly tunnel: string;
  readonly connection: string;
  readonly template?: string;
  readonly state: "CREATED" | "CONNECTING" | "ESTABLISHED" | "REKEYING" | "DELETING" | "DOWN";
  /** Why it is not up, in words, when it is not. */
  readonly reason?: string;
  readonly ikeSa?: string;
  readonly initiator?: boolean;
  readonly initiatorSpi?: string;
  readonly responderSpi?: string;
  readonly local?: string;
  readonly localPort?: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly localId?: string;
  readonly remoteId?: string;
  /** strongSwan's notation: "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256". */
  readonly ikeSuite?: string;
  readonly establishedSeconds?: number;
  readonly rekeySeconds?: number;
  readonly virtualAddresses?: { readonly local: readonly string[]; readonly remote: readonly string[] };
  readonly children: readonly IkeChildStatus[];
}
