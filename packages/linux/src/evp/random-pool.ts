/** Random bytes for initialisation vectors, fetched 16 KiB at a time so that a packet costs a copy and not a call. */
import { createArena, type OwnedArena } from "../arena.ts";
import { randomBytes } from "./libcrypto.ts";

const POOL_LENGTH = 16384;

let pool: OwnedArena | undefined;
let next = POOL_LENGTH;

/** Writes `length` (at most 16) fresh random bytes at `at`. False when the generator failed. */
export function takeRandomBlock(bytes: Uint8Array, at: number, length: number): boolean {
  pool ??= createArena(POOL_LENGTH);
  if (next + length > POOL_LENGTH) {
    if (randomBytes(pool.base, POOL_LENGTH) !== 1) return false;
    next = 0;
  }
  for (let i = 0; i < length; i++) bytes[at + i] = pool.bytes[next + i]!;
  pool.bytes.fill(0, next, next + length); // no byte is given out twice
  next += length;
  return true;
}
