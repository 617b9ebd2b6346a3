import { createArena } from "../../src/arena.ts";
import { memmove } from "../../src/libc.ts";

const arena = createArena(65536);
memmove(arena.base + 100, arena.base, 100);
memmove(arena.base + arena.length - 100, arena.base, 100);
process.stdout.write("inside is fine\n");
memmove(process.argv[2] === "below" ? arena.base - 8 : arena.base + arena.length - 8, arena.base + 100, 64);
process.stdout.write("not reached\n");
