/**
 * Which process of the partner has been shown which key, for as long as this process hosts the seat in one epoch.
 *
 * A key is shown to one process of the partner only: the first one. A later process cannot know how far an earlier one,
 * which may have adopted the seat while we slept, has used the key; and neither can we. So nothing more is reserved with
 * it, it gets no replica to adopt, and IKE makes fresh keys, which nobody has seen (replication/README.md).
 */
export class Exposure {
  readonly #seats = new Map<string, { epoch: number; readonly shown: Map<string, string> }>();

  /** Marks all of them as shown to `process` and says true; or marks none and says false, when an earlier one has seen one. */
  show(seat: string, epoch: number, keys: readonly string[], process: string): boolean {
    let known = this.#seats.get(seat);
    if (known === undefined || known.epoch !== epoch) {
      known = { epoch, shown: new Map() };
      this.#seats.set(seat, known);
    }
    const { shown } = known;
    if (keys.some((key) => (shown.get(key) ?? process) !== process)) return false;
    for (const key of keys) shown.set(key, process);
    return true;
  }

  /** Forgets keys that the seat has no more. */
  retain(seat: string, keys: ReadonlySet<string>): void {
    const shown = this.#seats.get(seat)?.shown;
    for (const key of [...(shown?.keys() ?? [])]) if (!keys.has(key)) shown?.delete(key);
  }
}
