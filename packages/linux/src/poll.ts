/** poll(2) over a fixed table in the arena. */
import type { OwnedArena } from "./arena.ts";
import { Errno } from "./errno.ts";
import { errno, poll } from "./libc.ts";

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;

// struct pollfd: int fd; short events; short revents
const POLLFD_LENGTH = 8;

export class PollSet {
  readonly #arena: OwnedArena;
  readonly #table: number;
  readonly #capacity: number;
  #used = 0;

  constructor(arena: OwnedArena, capacity = 64) {
    this.#arena = arena;
    this.#capacity = capacity;
    this.#table = arena.allocate(capacity * POLLFD_LENGTH);
  }

  /** Watches `fd`; returns the slot to ask `ready` about. Slots of removed descriptors are used again. */
  add(fd: number, events: number = POLLIN): number {
    let slot = 0;
    while (slot < this.#used && this.#arena.view.getInt32(this.#at(slot), true) >= 0) slot++;
    if (slot === this.#capacity) throw new RangeError(`a poll set of ${this.#capacity} descriptors is full`);
    if (slot === this.#used) this.#used++;
    this.#arena.view.setInt32(this.#at(slot), fd, true);
    this.watch(slot, events);
    return slot;
  }

  /** Changes what is waited for on one slot. */
  watch(slot: number, events: number): void {
    this.#arena.view.setInt16(this.#at(slot) + 4, events, true);
    this.#arena.view.setInt16(this.#at(slot) + 6, 0, true);
  }

  remove(slot: number): void {
    this.#arena.view.setInt32(this.#at(slot), -1, true); // poll ignores negative descriptors
    this.#arena.view.setInt16(this.#at(slot) + 6, 0, true);
  }

  /** Blocks up to `timeoutMs` (-1 for ever, 0 not at all). How many slots are ready, 0 also on a signal, or a negative errno. */
  wait(timeoutMs: number): number {
    const n = poll(this.#arena.base + this.#table, this.#used, timeoutMs);
    if (n >= 0) return n;
    const code = errno();
    for (let slot = 0; slot < this.#used; slot++) this.#arena.view.setInt16(this.#at(slot) + 6, 0, true);
    return code === Errno.EINTR ? 0 : -code;
  }

  /** The events of the last wait on this slot, 0 when none. */
  ready(slot: number): number {
    return this.#arena.view.getInt16(this.#at(slot) + 6, true);
  }

  #at(slot: number): number {
    return this.#table + slot * POLLFD_LENGTH;
  }
}
