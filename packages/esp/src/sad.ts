/** The security association database (RFC 4301 §4.4.2): Child SAs by id, and by the SPI that arrives on the wire. */

/** `T` is what the owner keeps for a Child SA. */
export class Sad<
  T extends { readonly sa: { readonly id: string; readonly parameters: { readonly spiIn: number } } },
> {
  readonly #byId = new Map<string, T>();
  /** Keyed by the SPI as a signed 32-bit integer: a small integer to the engine, so that no lookup allocates. */
  readonly #bySpi = new Map<number, T>();

  get size(): number {
    return this.#byId.size;
  }

  /** False when the id or the inbound SPI is taken. */
  add(entry: T): boolean {
    const { id, parameters } = entry.sa;
    if (this.#byId.has(id) || this.hasSpi(parameters.spiIn)) return false;
    this.#byId.set(id, entry);
    this.#bySpi.set(parameters.spiIn | 0, entry);
    return true;
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  /** `spi` as a signed 32-bit integer (`view.getInt32`). */
  lookup(spi: number): T | undefined {
    return this.#bySpi.get(spi);
  }

  hasSpi(spi: number): boolean {
    return this.#bySpi.has(spi | 0);
  }

  /** Takes the SA out; the caller destroys it. */
  remove(id: string): T | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) return undefined;
    this.#byId.delete(id);
    this.#bySpi.delete(entry.sa.parameters.spiIn | 0);
    return entry;
  }

  values(): IterableIterator<T> {
    return this.#byId.values();
  }
}
