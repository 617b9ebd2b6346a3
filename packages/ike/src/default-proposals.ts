/**
 * What the cloud offers and accepts when a connection has no custom policy (its documented tables for route-based gateways):
 * IKE with group 2 only, six ESP offers without PFS as initiator, twenty-six accepted as responder.
 */
import type { GroupName, IntegrityName } from "@tandem/crypto";
import type { EncryptionOffer, EspProposal, IkeProposal, Proposals } from "./config.ts";

const AES256: EncryptionOffer = { name: "aes-cbc", keyBits: 256 };
const AES128: EncryptionOffer = { name: "aes-cbc", keyBits: 128 };
const DES3: EncryptionOffer = { name: "3des-cbc", keyBits: 192 };
const DES: EncryptionOffer = { name: "des-cbc", keyBits: 64 };
const GCM256: EncryptionOffer = { name: "aes-gcm-16", keyBits: 256 };
const SHA1: IntegrityName = "hmac-sha1-96";
const SHA256: IntegrityName = "hmac-sha256-128";

const ike = (encryption: EncryptionOffer, integrity: IntegrityName): IkeProposal => ({
  encryption: [encryption],
  integrity: [integrity],
  prf: [integrity === SHA1 ? "prf-hmac-sha1" : "prf-hmac-sha256"],
  groups: ["modp1024"],
});

const IKE: readonly IkeProposal[] = [
  ike(AES256, SHA1),
  ike(AES256, SHA256),
  ike(AES128, SHA1),
  ike(AES128, SHA256),
  ike(DES3, SHA1),
  ike(DES3, SHA256),
];

const esp = (encryption: EncryptionOffer, integrity?: IntegrityName, group?: GroupName): EspProposal => ({
  encryption: [encryption],
  integrity: integrity === undefined ? [] : [integrity],
  groups: [group ?? "none"],
  // A peer may insist on either; without extended numbers comes first, as the cloud does.
  esn: [false],
});

const ESP_OFFER: readonly EspProposal[] = [
  esp(GCM256),
  esp(AES256, SHA1),
  esp(DES3, SHA1),
  esp(AES256, SHA256),
  esp(AES128, SHA1),
  esp(DES3, SHA256),
];

/** In the documented order, 1 to 26. */
const ESP_ACCEPT: readonly EspProposal[] = [
  esp(GCM256),
  esp(AES256, SHA1),
  esp(DES3, SHA1),
  esp(AES256, SHA256),
  esp(AES128, SHA1),
  esp(DES3, SHA256),
  esp(DES, SHA1),
  esp(AES256, SHA1, "modp768"),
  esp(AES256, SHA1, "modp1024"),
  esp(AES256, SHA1, "modp2048"),
  esp(AES128, SHA1, "modp768"),
  esp(AES128, SHA1, "modp1024"),
  esp(AES128, SHA1, "modp2048"),
  esp(DES3, SHA1, "modp768"),
  esp(DES3, SHA1, "modp1024"),
  esp(DES3, SHA256, "modp1024"),
  esp(AES256, SHA256, "modp768"),
  esp(AES256, SHA256, "modp1024"),
  esp(AES256, SHA256, "modp2048"),
  esp(AES256, SHA1, "modp2048s256"),
  esp(AES256, SHA256, "modp2048s256"),
  esp(AES128, SHA256),
  esp(AES128, SHA256, "modp768"),
  esp(AES128, SHA256, "modp1024"),
  esp(AES128, SHA256, "modp2048"),
  esp(DES3, SHA1, "modp2048"),
];

export const CLOUD_IKE_PROPOSALS: Proposals<IkeProposal> = { offer: IKE, accept: IKE };
export const CLOUD_ESP_PROPOSALS: Proposals<EspProposal> = { offer: ESP_OFFER, accept: ESP_ACCEPT };
