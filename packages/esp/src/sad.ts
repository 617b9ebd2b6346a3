/** The security association database (RFC 4301 §4.4.2): Child SAs by id, and by the SPI that arrives on the wire. */
import type { ChildSa } from "./child-sa.ts";

export class Sad {
  readonly #byId = new Map<string, ChildSa>();
  /** Keyed by the SPI as a signed 32-bit integer: a small integer to the engine, so that no lookup allocates. */
  readonly #bySpi = new Map<number, ChildSa>();

  get size(): number {
    return this.#byId.size;
  }

  /** False when the id or the inbound SPI is taken. */
  add(sa: ChildSa): boolean {
    const spi = sa.parameters.spiIn | 0;
    if (this.#byId.has(sa.id) || this.#bySpi.has(spi)) return false;
    this.#byId.set(sa.id, sa);
    this.#bySpi.set(spi, sa);
    return true;
  }

  get(id: string): ChildSa | undefined {
    return this.#byId.get(id);
  }

  /** `spi` as a signed 32-bit integer (`view.getInt32`). */
  lookup(spi: number): ChildSa | undefined {
    return this.#bySpi.get(spi);
  }

  hasSpi(spi: number): boolean {
    return this.#bySpi.has(spi | 0);
  }

  /** Takes the SA out; the caller destroys it. */
  remove(id: string): ChildSa | undefined {
    const sa = this.#byId.get(id);
    if (sa === undefined) return undefined;
    this.#byId.delete(id);
    this.#bySpi.delete(sa.parameters.spiIn | 0);
    return sa;
  }

  values(): IterableIterator<ChildSa> {
    return this.#byId.values();
  }
}
