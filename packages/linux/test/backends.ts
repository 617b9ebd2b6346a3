/** The backends that this machine can have. Which it must have where, library.test.ts says. */
import { createEvpBackend } from "../src/evp/backend.ts";
import { createIpsecMbBackend, ipsecMbMissing } from "../src/ipsec-mb/backend.ts";

type Create = typeof createEvpBackend;

export const BACKENDS: readonly (readonly [name: string, create: Create])[] = [
  ["evp", createEvpBackend],
  ...(ipsecMbMissing() === undefined ? [["ipsec-mb", createIpsecMbBackend] as const] : []),
];
