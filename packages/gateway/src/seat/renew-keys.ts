/** Fresh keys for everything of a tunnel, make-before-break (replication/README.md, rule 3). */
import type { IkeInput } from "@tandem/ike";

/** The Child SAs' first: they move to the new IKE SA with its rekey. */
export function renewKeys(seat: { input(input: IkeInput): void } | undefined, tunnel: string): void {
  for (const what of ["child", "ike"] as const) seat?.input({ kind: "rekey", tunnel, what });
}
