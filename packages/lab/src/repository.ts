/** Where the sources of the other processes are. */
import { join } from "node:path";

export const REPOSITORY: string = join(import.meta.dirname, "..", "..", "..");

export const MAIN_OF = {
  gateway: join(REPOSITORY, "packages", "gateway", "src", "main.ts"),
  fabric: join(REPOSITORY, "packages", "supervisor", "src", "fabric-main.ts"),
  siteRouter: join(REPOSITORY, "packages", "supervisor", "src", "site-router-main.ts"),
  supervisor: join(REPOSITORY, "packages", "supervisor", "src", "main.ts"),
  prober: join(import.meta.dirname, "probe", "prober-main.ts"),
} as const;

/**
 * A gateway makes short-lived objects by the thousand per handshake: with 64 MiB for the young ones instead of 16 fewer
 * survive into the old generation. Handshakes per second gain about an eighth; an idle process gives the room back.
 */
export const GATEWAY_NODE_FLAGS: readonly string[] = ["--max-semi-space-size=64"];
