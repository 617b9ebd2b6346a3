/** The backends that this machine can have: OpenSSL always, ipsec-mb where its library and the processor allow. */
import { createEvpBackend } from "../src/evp/backend.ts";
import { createIpsecMbBackend, ipsecMbMissing } from "../src/ipsec-mb/backend.ts";

type Create = typeof createEvpBackend;

export const BACKENDS: readonly (readonly [name: string, create: Create])[] = [
  ["evp", createEvpBackend],
  ...(ipsecMbMissing() === undefined ? [["ipsec-mb", createIpsecMbBackend] as const] : []),
];
