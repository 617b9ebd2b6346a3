/** Who computes cheap crypto jobs in the main thread: OpenSSL's P-256 by FFI where there is one, node:crypto for the rest. */
import { type CryptoJob, type CryptoResult, keyExchangeWithP256, runCryptoJob } from "@tandem/crypto";
import { openCurveP256 } from "@tandem/linux";

export function localCrypto(): (job: CryptoJob) => CryptoResult {
  const p256 = openCurveP256();
  if (p256 === undefined) return runCryptoJob;
  const exchange = keyExchangeWithP256(p256);
  return (job) => runCryptoJob(job, exchange);
}
