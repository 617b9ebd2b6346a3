/**
 * Expensive mathematics as values: an engine emits a job, the driver runs it inline or in a worker, and the result
 * comes back as an input. Jobs and results survive a structured clone; they hold keys, so they are never logged.
 *
 *      engine ──effect──▶ CryptoJob ──▶ runCryptoJob (here or in a worker) ──▶ CryptoResult ──input──▶ engine
 */
import type { GroupName } from "./algorithms.ts";
import type { KeyExchangeFunctions } from "./key-exchange.ts";
import { nodeBackend } from "./node-backend.ts";
import { secretBytes } from "./secret-bytes.ts";
import { type SignatureScheme, sign, verify } from "./signature.ts";
import {
  type CertificateChainRequest,
  type CheckedCertificate,
  checkCertificateChain,
} from "./x509/certificate-chain.ts";

export type CryptoJob =
  | {
      readonly kind: "generate-key-pair";
      readonly group: GroupName;
      /** `keyPairEntropyLength(group)` bytes of the engine's own randomness. */
      readonly entropy: Uint8Array;
    }
  | {
      readonly kind: "shared-secret";
      readonly group: GroupName;
      readonly privateKey: Uint8Array;
      readonly peerPublic: Uint8Array;
    }
  /**
   * Both at once, for a responder that has the peer's value already: half the price of the two jobs in different threads,
   * where the private key's public half would be computed again.
   */
  | {
      readonly kind: "generate-and-agree";
      readonly group: GroupName;
      readonly entropy: Uint8Array;
      readonly peerPublic: Uint8Array;
    }
  | {
      readonly kind: "sign";
      readonly scheme: SignatureScheme;
      /** PKCS #8 DER. */
      readonly privateKey: Uint8Array;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "verify";
      readonly scheme: SignatureScheme;
      /** SPKI DER. */
      readonly publicKey: Uint8Array;
      readonly data: Uint8Array;
      readonly signature: Uint8Array;
    }
  | ({ readonly kind: "check-certificate-chain" } & CertificateChainRequest);

export type CryptoResult =
  | {
      readonly kind: "generate-key-pair";
      readonly group: GroupName;
      readonly publicValue: Uint8Array;
      readonly privateKey: Uint8Array;
    }
  | { readonly kind: "shared-secret"; readonly secret: Uint8Array }
  | {
      readonly kind: "generate-and-agree";
      readonly group: GroupName;
      readonly publicValue: Uint8Array;
      readonly privateKey: Uint8Array;
      readonly secret: Uint8Array;
    }
  | { readonly kind: "sign"; readonly signature: Uint8Array }
  | { readonly kind: "verify"; readonly valid: boolean }
  | ({ readonly kind: "check-certificate-chain" } & CheckedCertificate)
  /** `job` is the kind that failed; `reason` is for people and holds no secret. */
  | { readonly kind: "failed"; readonly job: CryptoJob["kind"]; readonly reason: string };

/**
 * Runs one job to its end. Never throws: a job that cannot be done gives `failed`. `exchange`: who does the mathematics of
 * key exchanges, node:crypto by default.
 */
export function runCryptoJob(job: CryptoJob, exchange: KeyExchangeFunctions = nodeBackend): CryptoResult {
  try {
    return run(job, exchange);
  } catch (cause) {
    return { kind: "failed", job: job.kind, reason: (cause as Error).message };
  }
}

function run(job: CryptoJob, exchange: KeyExchangeFunctions): CryptoResult {
  switch (job.kind) {
    case "generate-key-pair": {
      const pair = exchange.keyPairFromEntropy(job.group, job.entropy);
      return { kind: job.kind, ...pair };
    }
    case "shared-secret": {
      const secret = exchange.sharedSecret(job.group, job.privateKey, job.peerPublic);
      if ("error" in secret) return { kind: "failed", job: job.kind, reason: secret.error };
      return { kind: job.kind, secret };
    }
    case "generate-and-agree": {
      const pair = exchange.keyPairFromEntropy(job.group, job.entropy);
      const secret = exchange.sharedSecret(job.group, pair.privateKey, job.peerPublic);
      if ("error" in secret) return { kind: "failed", job: job.kind, reason: secret.error };
      return { kind: job.kind, ...pair, secret };
    }
    case "sign": {
      const signature = sign(job.scheme, job.privateKey, job.data);
      if ("error" in signature) return { kind: "failed", job: job.kind, reason: signature.error };
      return { kind: job.kind, signature };
    }
    case "verify":
      return { kind: job.kind, valid: verify(job.scheme, job.publicKey, job.data, job.signature) };
    case "check-certificate-chain": {
      const checked = checkCertificateChain(job);
      if ("error" in checked) return { kind: "failed", job: job.kind, reason: checked.error };
      return { kind: job.kind, ...checked };
    }
  }
}

/** Secrets lose their type in a structured clone: to be called on what came back from a worker. */
export function restoreSecrets(result: CryptoResult): CryptoResult {
  switch (result.kind) {
    case "generate-key-pair":
      return { ...result, privateKey: secretBytes(result.privateKey) };
    case "shared-secret":
      return { ...result, secret: secretBytes(result.secret) };
    case "generate-and-agree":
      return { ...result, privateKey: secretBytes(result.privateKey), secret: secretBytes(result.secret) };
    default:
      return result;
  }
}
