/**
 * Equal-cost spread over seats by resilient next-hop groups. A flow's bucket never changes; which next hop a bucket has
 * changes only when it must. Plain multipath would reshuffle living flows at every change, and its default hash does not
 * see ports.
 *
 *      default ──▶ group, 128 buckets ──▶ next hop of seat 0 (weight 100)
 *                                    ├──▶ next hop of seat 1 (weight 100)
 *                                    └──▶ parked: was seat 1's when seat 1 was away (weight 1)
 *
 * A seat that goes: its next hop is pointed at a living seat ("parked" there). One object changes, no bucket moves.
 * A seat that returns: it gets a new next hop; the parked one stays with weight 1, so that its buckets go over to the
 * new one when they are idle, and a living flow stays where it is. The group never has a single member while there are
 * two seats: with one the kernel skips the buckets and forgets which are in use.
 */
export interface NextHop {
  readonly via: readonly string[];
  readonly device: string;
}

export interface SpreadMember {
  readonly name: string;
  /** `undefined`: the seat is out of the spread. */
  readonly nextHop: NextHop | undefined;
}

/** A bucket without a packet for so long may move to a seat that has come back, seconds. */
const IDLE_SECONDS = 2;
const FULL_WEIGHT = 100;
const PARKED_WEIGHT = 1;
/** More parked next hops than this: the oldest goes, and what it still carries moves. */
const MOST_PARKED = 8;
const GENERATIONS = 50;

export interface KernelNextHop {
  readonly id: number;
  readonly gateway?: string;
  readonly dev?: string;
  readonly group?: readonly { readonly id: number; readonly weight?: number }[];
}

interface Member {
  readonly id: number;
  /** The seat whose buckets these are. */
  readonly seat: string;
  /** The seat that serves them: itself, or the one where they are parked. */
  host: string;
  hop: string;
  weight: number;
}

/** One address family of one gateway's spread. Ids lie in [base, base + 1000). */
export class Spread {
  readonly #base: number;
  readonly #family: 4 | 6;
  readonly #table: number;
  readonly #buckets: number;
  readonly #seats: readonly string[];
  #members: Member[] = [];
  #grouped = "";
  #generation = 0;

  constructor(base: number, family: 4 | 6, table: number, buckets: number, seats: readonly string[]) {
    this.#base = base;
    this.#family = family;
    this.#table = table;
    this.#buckets = buckets;
    this.#seats = seats;
  }

  get #groupId(): number {
    return this.#base + 900 + this.#family;
  }

  /** Takes over what the kernel has: after a start, and after a link took its next hops along. */
  learn(kernel: readonly KernelNextHop[], wanted: readonly SpreadMember[]): void {
    const hops = new Map(wanted.map((m) => [m.name, this.#hop(m.nextHop)]));
    const group = kernel.find((n) => n.id === this.#groupId)?.group ?? [];
    this.#members = group.flatMap(({ id, weight = 1 }) => {
      const found = kernel.find((n) => n.id === id);
      const seat = this.#seats[Math.floor((id - this.#base) / (2 * GENERATIONS))];
      if (found === undefined || seat === undefined) return [];
      const hop = `via ${found.gateway} dev ${found.dev}`;
      const host = hops.get(seat) === hop ? seat : ([...hops].find(([, h]) => h === hop)?.[0] ?? seat);
      this.#generation = Math.max(this.#generation, this.#generationOf(id) + 1);
      return [{ id, seat, host, hop, weight }];
    });
    this.#grouped = this.#groupText();
  }

  /** Lines for `ip -batch` that make the kernel agree with `wanted`. */
  change(wanted: readonly SpreadMember[]): string[] {
    const living = wanted.flatMap((m) => {
      const hop = this.#hop(m.nextHop);
      return hop === undefined ? [] : [{ name: m.name, hop }];
    });
    if (living.length === 0) return this.#removeAll();
    const hopOf = new Map(living.map((l) => [l.name, l.hop]));
    const lines: string[] = [];
    for (const { name } of wanted) {
      const active = this.#active(name);
      const own = hopOf.get(name);
      if (own === undefined) {
        if (active === undefined && wanted.length > 1)
          this.#add(name, living[0]!.name, lines, living[0]!.hop);
        else if (active !== undefined)
          active.host = living.some((l) => l.name === active.host) ? active.host : living[0]!.name;
      } else if (active === undefined) {
        this.#add(name, name, lines, own);
      } else if (active.host !== name) {
        active.weight = PARKED_WEIGHT;
        this.#add(name, name, lines, own);
      }
    }
    for (const member of this.#members) {
      if (!hopOf.has(member.host)) member.host = living[0]!.name;
      const hop = hopOf.get(member.host)!;
      if (hop !== member.hop) {
        member.hop = hop;
        lines.push(`nexthop replace id ${member.id} ${hop}`);
      }
    }
    const dropped = this.#prune();
    const text = this.#groupText();
    if (text !== this.#grouped) {
      lines.push(
        `nexthop replace id ${this.#groupId} group ${text} type resilient buckets ${this.#buckets} idle_timer ${IDLE_SECONDS} unbalanced_timer 0`,
        `route replace ${this.#family === 4 ? "0.0.0.0/0" : "::/0"} nhid ${this.#groupId} table ${this.#table}`,
      );
      this.#grouped = text;
    }
    return [...lines, ...dropped];
  }

  #active(seat: string): Member | undefined {
    return this.#members.find((m) => m.seat === seat && m.weight === FULL_WEIGHT);
  }

  #add(seat: string, host: string, lines: string[], hop: string): void {
    const used = new Set(this.#members.map((m) => m.id));
    const first =
      this.#base + this.#seats.indexOf(seat) * 2 * GENERATIONS + (this.#family === 6 ? GENERATIONS : 0);
    let id = first + (this.#generation++ % GENERATIONS);
    while (used.has(id)) id = first + (this.#generation++ % GENERATIONS);
    this.#members.push({ id, seat, host, hop, weight: FULL_WEIGHT });
    lines.push(`nexthop replace id ${id} ${hop}`);
  }

  #prune(): string[] {
    const parked = this.#members.filter((m) => m.weight === PARKED_WEIGHT);
    const gone = parked.slice(0, Math.max(0, parked.length - MOST_PARKED));
    this.#members = this.#members.filter((m) => !gone.includes(m));
    return gone.map((m) => `nexthop del id ${m.id}`);
  }

  /** With its last next hop the kernel drops the group and the route; the unreachable route takes over. */
  #removeAll(): string[] {
    const lines = this.#members.map((m) => `nexthop del id ${m.id}`);
    this.#members = [];
    this.#grouped = "";
    return lines;
  }

  #groupText(): string {
    return this.#members.map((m) => `${m.id},${m.weight}`).join("/");
  }

  #generationOf(id: number): number {
    return (id - this.#base) % GENERATIONS;
  }

  #hop(nextHop: NextHop | undefined): string | undefined {
    const via = nextHop?.via.find((v) => v.includes(":") === (this.#family === 6));
    return nextHop === undefined || via === undefined ? undefined : `via ${via} dev ${nextHop.device}`;
  }
}

/** Both families of one spread. */
export class DualSpread {
  readonly #families: readonly Spread[];

  constructor(base: number, table: number, buckets: number, seats: readonly string[]) {
    this.#families = ([4, 6] as const).map((family) => new Spread(base, family, table, buckets, seats));
  }

  learn(kernel: readonly KernelNextHop[], wanted: readonly SpreadMember[]): void {
    for (const family of this.#families) family.learn(kernel, wanted);
  }

  change(wanted: readonly SpreadMember[]): string[] {
    return this.#families.flatMap((family) => family.change(wanted));
  }
}
