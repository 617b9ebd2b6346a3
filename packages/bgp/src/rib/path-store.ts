/**
 * Adj-RIB-In of every peer for one family (RFC 4271 §3.2), as columns indexed by path.
 *
 *      prefix ─head─▶ path ─next─▶ path ─next─▶ 0          one list per prefix: what the decision walks
 *      peer   ─head─▶ path ⇄ path ⇄ path                   one list per peer: what the end of a session walks
 *
 * Path ids start at 1. A path is stale when its generation is not its peer's: marking a whole peer stale is one
 * increment, whatever the size of its table (RFC 4724 §4.2).
 */
import { growInt32, grownLength, growUint8, growUint16 } from "./growable.ts";

const INITIAL = 1024;

export class PathStore {
  prefix: Int32Array = new Int32Array(INITIAL);
  peer: Uint16Array = new Uint16Array(INITIAL);
  /** Attribute set as received. */
  received: Int32Array = new Int32Array(INITIAL);
  /** Attribute set after import policy; 0 when the policy or a loop makes the path unusable. */
  used: Int32Array = new Int32Array(INITIAL);
  generation: Uint8Array = new Uint8Array(INITIAL);
  next: Int32Array = new Int32Array(INITIAL);
  peerNext: Int32Array = new Int32Array(INITIAL);
  peerPrevious: Int32Array = new Int32Array(INITIAL);
  readonly #free: number[] = [];
  #bound = 1;

  allocate(): number {
    const id = this.#free.pop() ?? this.#bound++;
    if (id >= this.prefix.length) this.#grow();
    return id;
  }

  free(id: number): void {
    this.#free.push(id);
  }

  #grow(): void {
    const length = grownLength(this.prefix.length);
    this.prefix = growInt32(this.prefix, length);
    this.peer = growUint16(this.peer, length);
    this.received = growInt32(this.received, length);
    this.used = growInt32(this.used, length);
    this.generation = growUint8(this.generation, length);
    this.next = growInt32(this.next, length);
    this.peerNext = growInt32(this.peerNext, length);
    this.peerPrevious = growInt32(this.peerPrevious, length);
  }
}
