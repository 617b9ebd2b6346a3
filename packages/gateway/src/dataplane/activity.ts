/**
 * Which Child SAs have seen packets since somebody last asked: IKE asks for received ones (proof of life), replication
 * for any. A list beside a flag on each SA, so that an answer costs as much as there was traffic, however many SAs are idle.
 */
import type { InstalledSa } from "./tunnel.ts";

export class Activity {
  readonly #flag: "heard" | "touched";
  #list: InstalledSa[] = [];

  constructor(flag: "heard" | "touched") {
    this.#flag = flag;
  }

  /** On the packet path: a comparison, mostly. */
  note(installed: InstalledSa): void {
    if (installed[this.#flag]) return;
    installed[this.#flag] = true;
    this.#list.push(installed);
  }

  /** Ids of a seat's SAs that are still installed. */
  take(seat: string): string[] {
    const ids: string[] = [];
    const others: InstalledSa[] = [];
    for (const installed of this.#list) {
      if (installed.tunnel.seat !== seat) {
        others.push(installed);
        continue;
      }
      installed[this.#flag] = false;
      if (installed.tunnel.installed.get(installed.sa.id) === installed) ids.push(installed.sa.id);
    }
    this.#list = others;
    return ids;
  }
}
