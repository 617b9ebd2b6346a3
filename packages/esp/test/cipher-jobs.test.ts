import { expect, it } from "vitest";
import type { CipherQueue, PacketCipher } from "../src/aead-seam.ts";
import { CipherJobs } from "../src/cipher-jobs.ts";

/** A queue whose jobs succeed as they are told when they are added. */
class ToldQueue implements CipherQueue {
  readonly capacity = 64;
  readonly #told: boolean[] = [];
  #done: boolean[] = [];
  get count(): number {
    return this.#told.length;
  }
  add(success: boolean): void {
    this.#told.push(success);
  }
  run(): void {
    this.#done = this.#told.splice(0);
  }
  ok(job: number): boolean {
    return this.#done[job] ?? false;
  }
  allOk(): boolean {
    return this.#done.every((success) => success);
  }
}

/** Opens what stands at an even place, on `queue` or at once. */
function cipher(queue?: ToldQueue): PacketCipher {
  return {
    ivLength: 8,
    icvLength: 16,
    blockLength: 4,
    seal: () => -1,
    open: (header, length) => (header % 2 === 0 ? length - 32 : -1),
    destroy() {},
    ...(queue && {
      queue,
      enqueueSeal: () => -1,
      enqueueOpen(header: number, length: number) {
        queue.add(header % 2 === 0);
        return length - 32;
      },
    }),
  };
}

it("tells the jobs of two queues and of none apart, whatever their order, run after run", () => {
  const queues = [new ToldQueue(), new ToldQueue()];
  const ciphers = [cipher(queues[0]), cipher(queues[1]), cipher()];
  const jobs = new CipherJobs();
  for (const order of [[0, 1, 2, 2, 1, 0, 1], [1, 1, 0, 2, 0], [2, 0], [1, 2, 1], [0], [2]]) {
    const headers = order.map((which, i) => 7 * i + which);
    for (const [i, which] of order.entries()) jobs.open(ciphers[which]!, headers[i]!, 100, 0);
    expect(jobs.count).toBe(order.length);
    jobs.run();
    const expected = headers.map((header) => header % 2 === 0);
    expect(order.map((_, i) => jobs.ok(i))).toEqual(expected);
    expect(jobs.allOk()).toBe(!expected.includes(false));
  }
});
