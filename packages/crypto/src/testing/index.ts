/** For tests of other packages. */
export {
  type Authority,
  type AuthorityOptions,
  type CertificateRequest,
  type Issued,
  makeAuthority,
} from "../lab-authority.ts";
