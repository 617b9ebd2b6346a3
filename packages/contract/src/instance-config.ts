/**
 * The configuration of one Tandem process (a gateway instance or a device), written by the lab or the supervisor
 * and pushed again whole at every change; the process applies the difference and touches nothing else.
 * Times are seconds, sizes bytes unless the name says otherwise. Addresses are canonical text.
 */
import { z } from "zod";
import { Profile } from "./status.ts";

const Address = z.string();
const PrefixText = z.string();

/** The words of the cloud's IpsecPolicy (azure-vpn-gateway §2.3), plus what Tandem adds, labelled. */
export const IpsecPolicy = z.object({
  ikeEncryption: z.enum([
    "DES",
    "DES3",
    "AES128",
    "AES192",
    "AES256",
    "GCMAES128",
    "GCMAES256",
    "ChaCha20Poly1305",
  ]),
  ikeIntegrity: z.enum(["MD5", "SHA1", "SHA256", "SHA384", "SHA512", "GCMAES128", "GCMAES256"]),
  dhGroup: z.enum([
    "None",
    "DHGroup1",
    "DHGroup2",
    "DHGroup14",
    "DHGroup2048",
    "DHGroup24",
    "ECP256",
    "ECP384",
    "ECP521",
    "X25519",
  ]),
  ipsecEncryption: z.enum([
    "None",
    "DES",
    "DES3",
    "AES128",
    "AES192",
    "AES256",
    "GCMAES128",
    "GCMAES192",
    "GCMAES256",
    "ChaCha20Poly1305",
  ]),
  ipsecIntegrity: z.enum(["MD5", "SHA1", "SHA256", "SHA384", "GCMAES128", "GCMAES192", "GCMAES256"]),
  pfsGroup: z.enum([
    "None",
    "PFS1",
    "PFS2",
    "PFS2048",
    "PFS14",
    "PFS24",
    "ECP256",
    "ECP384",
    "PFSMM",
    "ECP521",
    "X25519",
  ]),
  saLifeTimeSeconds: z.number().int(),
  saDataSizeKilobytes: z.number().int(),
});

export const Authentication = z.discriminatedUnion("method", [
  z.object({ method: z.literal("psk"), secret: z.string() }),
  z.object({
    method: z.literal("certificate"),
    /** PEM: own chain (leaf first) and key; trusted roots; CRLs. */
    chain: z.array(z.string()),
    privateKey: z.string(),
    roots: z.array(z.string()),
    crls: z.array(z.string()).default([]),
  }),
]);

export const BgpNeighborConfig = z.object({
  neighbor: Address,
  asn: z.number(),
  localAddress: Address.optional().describe("default: the seat's bgpIp"),
  nextHop6: Address.optional().describe(
    "NEXT_HOP of IPv6 routes over an IPv4 session; default: the IPv4-mapped address, which FRR takes and BIRD does not",
  ),
  passive: z.boolean().default(false),
  holdTime: z.number().default(180),
  keepaliveTime: z.number().default(60),
  /** The cloud's way: hold time is ours whatever the peer offers. */
  fixedTimers: z.boolean().default(false),
  md5: z.string().optional(),
  ttlSecurity: z.number().optional(),
  gracefulRestart: z.boolean().default(true),
  maxPrefixes: z.number().default(4000),
  prepend: z.number().default(0),
});

export const ConnectionConfig = z.object({
  name: z.string(),
  seat: z.string(),
  /** The tunnel's id, `connection|seat|remote name`. */
  tunnel: z.string(),
  remote: z.object({
    name: z.string(),
    address: Address.nullable().describe("null: any (a client or a peer behind NAT)"),
    id: z.string(),
  }),
  localId: z.string(),
  mode: z.enum(["Default", "InitiatorOnly", "ResponderOnly"]).default("Default"),
  authentication: Authentication,
  /** Absent: the cloud's default offers and acceptance. */
  ipsecPolicy: IpsecPolicy.optional(),
  dpdTimeoutSeconds: z.number().min(9).max(3600).default(45),
  ikeLifetimeSeconds: z.number().default(28_800),
  childLifetimeSeconds: z.number().default(27_000),
  /** Empty: any-to-any. */
  trafficSelectors: z
    .array(z.object({ local: z.array(PrefixText), remote: z.array(PrefixText) }))
    .default([]),
  forceEncapsulation: z.boolean().default(false),
  replayWindow: z.number().default(1024),
  staticPrefixes: z.array(PrefixText).default([]),
  bgp: BgpNeighborConfig.optional(),
  /** Responder: hands out virtual addresses (point-to-site). */
  addressPool: z.array(PrefixText).optional(),
  /** Initiator: asks for a virtual address. */
  requestAddress: z.boolean().default(false),
});

export const SeatConfig = z.object({
  name: z.string(),
  publicIps: z.array(Address).min(1),
  bgpIp: Address,
  epoch: z.number().int(),
});

/** Of ESP: in UDP where NAT was found (auto), always, never. In UDP is faster here: Linux segments UDP, not protocol 50. */
export const Encapsulation = z.enum(["auto", "udp", "esp"]);
export type Encapsulation = z.infer<typeof Encapsulation>;

export const InstanceConfig = z.object({
  name: z.string(),
  kind: z.enum(["instance", "device"]),
  gateway: z.string(),
  profile: Profile,
  asn: z.number(),
  routerId: Address.optional(),
  controlSocket: z.string(),
  outside: z.object({
    interface: z.string(),
    encapsulation: Encapsulation.default("auto"),
    /** ESP over IPv4 with DF, so that routers tell the path's MTU instead of cutting. Absent: without. */
    dontFragment: z.boolean().optional(),
  }),
  inside: z.object({ interface: z.string() }),
  tun: z.object({
    interface: z.string().default("tun0"),
    mtu: z.number().default(1400),
    mssClamp: z.number().default(0),
    /** Whether packets without DF that do not fit are fragmented before encryption. */
    fragment: z.boolean().default(true),
  }),
  /** Prefixes on our own side: the VNet's, or the site's. What BGP originates. */
  localPrefixes: z.array(PrefixText),
  /** Prefixes originated by BGP but not used to reject learned routes, for example connected LNGs. */
  seats: z.array(SeatConfig),
  connections: z.array(ConnectionConfig),
  /** Link to the partner instance: iBGP and replication. */
  partner: z
    .object({
      name: z.string(),
      localAddress: Address,
      address: Address,
      port: z.number().default(4655),
      key: z.string().describe("pre-shared key of the replication channel, hex"),
      bgpPeers: z.array(z.object({ seat: z.string(), neighbor: Address })).default([]),
    })
    .optional(),
});

export type IpsecPolicy = z.infer<typeof IpsecPolicy>;
export type ConnectionConfig = z.infer<typeof ConnectionConfig>;
export type SeatConfig = z.infer<typeof SeatConfig>;
export type InstanceConfig = z.infer<typeof InstanceConfig>;
export type InstanceConfigInput = z.input<typeof InstanceConfig>;
export type BgpNeighborConfig = z.infer<typeof BgpNeighborConfig>;
