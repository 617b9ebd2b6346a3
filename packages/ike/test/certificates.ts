/** Certificate authentications for tests: one RSA authority, or several kinds of keys over self-made chains. */

import { type Authority, type CertificateRequest, makeAuthority } from "@tandem/crypto/testing";
import type { CertificateAuthentication } from "@tandem/ike";

let shared: Authority | undefined;
/** Made once for all tests of a file: RSA keys take a while. */
export const authority = (): Authority => (shared ??= makeAuthority("Test CA"));

export function certificateAuthentication(
  request: CertificateRequest,
  overrides: Partial<CertificateAuthentication> & { readonly issuer?: Authority } = {},
): CertificateAuthentication {
  const { issuer = authority(), ...rest } = overrides;
  const issued = issuer.issueCertificate(request);
  return {
    method: "certificate",
    chain: [issued.certificate],
    privateKey: issued.privateKey,
    trustAnchors: [authority().certificate],
    crls: [],
    ...rest,
  };
}
