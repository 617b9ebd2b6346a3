/** What an IKE SA still has to do on its own account: in the order of urgency, each thing once, some of it later. */
import type { Instant } from "@tandem/sansio";
import { type Task, URGENCY } from "./tasks/task.ts";

export class TaskQueue {
  readonly #waiting: Task[] = [];
  #later: Task[] = [];
  #laterAt: Instant | undefined;

  /** False when it is there already. */
  push(task: Task): boolean {
    const text = JSON.stringify(task);
    if (this.#waiting.some((other) => JSON.stringify(other) === text)) return false;
    this.#waiting.push(task);
    this.#waiting.sort((a, b) => URGENCY[a.kind] - URGENCY[b.kind]);
    return true;
  }

  take(): Task | undefined {
    return this.#waiting.shift();
  }

  /** Everything put off comes back at the earliest of the instants given. */
  putOff(task: Task, until: Instant): void {
    this.#later.push(task);
    this.#laterAt = Math.min(this.#laterAt ?? Number.POSITIVE_INFINITY, until);
  }

  nextTimeout(): Instant | undefined {
    return this.#laterAt;
  }

  /** What was put off and is due. */
  due(now: Instant): Task[] {
    if (this.#laterAt === undefined || now < this.#laterAt) return [];
    this.#laterAt = undefined;
    return this.#later.splice(0);
  }

  has(match: (task: Task) => boolean): boolean {
    return this.#waiting.some(match) || this.#later.some(match);
  }

  /** Takes out all that match. */
  remove(match: (task: Task) => boolean): Task[] {
    const removed = [...this.#waiting, ...this.#later].filter(match);
    for (let i = this.#waiting.length - 1; i >= 0; i--)
      if (match(this.#waiting[i]!)) this.#waiting.splice(i, 1);
    this.#later = this.#later.filter((task) => !match(task));
    return removed;
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#later = [];
    this.#laterAt = undefined;
  }
}
