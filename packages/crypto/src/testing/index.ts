/** For tests of other packages. */
export {
  type Authority,
  type AuthorityOptions,
  type CertificateRequest,
  type Issued,
  makeAuthority,
} from "../lab-authority.ts";
export {
  type AnyPacketCipherBackend,
  crossCases,
  type PacketCipherCase,
  packetCipherCases,
  packetKeys,
  packetSuites,
  suiteText,
} from "./packet-cipher-cases.ts";
