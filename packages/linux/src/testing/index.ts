export { createMemoryArena } from "./memory-arena.ts";
export { type MemoryLink, MemoryNetwork } from "./memory-network.ts";
export { MemoryTun } from "./memory-tun.ts";
