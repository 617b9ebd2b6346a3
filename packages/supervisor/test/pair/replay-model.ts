/**
 * The peer's packets in the model world: what a hosting has taken, what its partner knows of that, and what somebody who
 * has kept packets from the wire can make an owner deliver again.
 *
 * A hosting's window is copied to the partner every 25 ms, and for the last time when it hands over in order
 * (packages/gateway/src/replication/handover.ts). A packet that the adopter was told of must never be delivered again;
 * after a hand-over in order none may. Two exceptions (adoption.ts says why), both counted: what an owner took after its
 * last copy and before it died or stopped; and what stood in a stopped owner's queues, when somebody has repeated it to
 * the adopter by the time at which the stopped one wakes and delivers it.
 */
export const LIVE_INTERVAL = 25;
const SIZE = 64;

export class SeenNumbers {
  #top = 0;
  #seen = new Set<number>();

  isNew(number: number): boolean {
    return number > this.#top || (number > this.#top - SIZE && !this.#seen.has(number));
  }

  take(number: number): void {
    this.#top = Math.max(this.#top, number);
    this.#seen.add(number);
    if (this.#seen.size > 2 * SIZE) this.#seen = new Set([...this.#seen].filter((n) => n > this.#top - SIZE));
  }

  copy(): SeenNumbers {
    const copy = new SeenNumbers();
    copy.#top = this.#top;
    copy.#seen = new Set(this.#seen);
    return copy;
  }

  merge(other: SeenNumbers): void {
    this.#top = Math.max(this.#top, other.#top);
    for (const number of other.#seen) this.#seen.add(number);
  }
}

/** One process that has the seat in one epoch, as far as received packets go. */
export interface Receiver {
  readonly key: number;
  readonly window: SeenNumbers;
  /** Whose window it went on with; the time of the copy that it got, or after a hand-over in order, all. */
  readonly parent: Receiver | undefined;
  readonly copiedAt: number;
  inOrder: boolean;
  /** It takes nothing yet: the fabric has not changed. */
  held: boolean;
  /** It takes nothing any more: its last copy has been made. */
  closed: boolean;
}

export interface PeerPacket {
  readonly key: number;
  readonly number: number;
}

/** Where each packet was delivered first, and what second deliveries are. */
export class Deliveries {
  readonly #first = new Map<string, { readonly by: Receiver; readonly at: number }>();
  /** Milliseconds between the last copy that the adopter had, and the delivery that it did not know of. */
  readonly exposures: number[] = [];
  /** Delivered by an adopter, and then by an owner before it, out of its queues. */
  late = 0;
  count = 0;

  /** Takes the packet or not; returns what is wrong with it. */
  receive(receiver: Receiver, packet: PeerPacket, now: number): string | undefined {
    const { key, number } = packet;
    if (receiver.closed || key !== receiver.key || !receiver.window.isNew(number)) return undefined;
    receiver.window.take(number);
    this.count++;
    const name = `packet ${key}/${number}`;
    const first = this.#first.get(name);
    if (first === undefined) {
      this.#first.set(name, { by: receiver, at: now });
      return undefined;
    }
    if (first.by === receiver) return `${name} is delivered twice by one hosting`;
    const heir = heirOf(first.by, receiver);
    if (heir === undefined) {
      if (heirOf(receiver, first.by) === undefined)
        return `${name} is delivered by two hostings that are no kin`;
      this.late++;
      return undefined;
    }
    if (heir.inOrder) return `${name} is delivered again after a hand-over in order`;
    if (first.at < heir.copiedAt) return `${name}, which the adopter was told of, is delivered again`;
    this.exposures.push(first.at - heir.copiedAt);
    return undefined;
  }
}

/** The first of `descendant` and its forebears that went on from `ancestor`. */
function heirOf(ancestor: Receiver, descendant: Receiver): Receiver | undefined {
  let heir: Receiver | undefined = descendant;
  while (heir !== undefined && heir.parent !== ancestor) heir = heir.parent;
  return heir;
}
