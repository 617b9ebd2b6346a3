/** node:crypto's packet ciphers as the tests of this pure package use them. */
import { webcrypto } from "node:crypto";

export { nodePacketCipher } from "@tandem/crypto";
export const randomBytes = (length: number): Uint8Array => webcrypto.getRandomValues(new Uint8Array(length));
