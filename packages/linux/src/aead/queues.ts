import type { CipherArena } from "../packet-cipher.ts";

/** One queue per direction and packet memory, made when first asked for. */
export function queuesOf<Q>(
  make: (direction: "seal" | "open", arena: CipherArena) => Q,
): (direction: "seal" | "open", arena: CipherArena) => Q {
  const made = new Map<CipherArena, { readonly seal: Q; readonly open: Q }>();
  return (direction, arena) => {
    let both = made.get(arena);
    if (both === undefined) {
      both = { seal: make("seal", arena), open: make("open", arena) };
      made.set(arena, both);
    }
    return both[direction];
  };
}
