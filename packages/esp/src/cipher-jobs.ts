/**
 * Packets of one direction on their way through their ciphers: queued where the backend can, done at once where not,
 * with the same results either way. Jobs of different ciphers may be mixed; order is kept.
 */
import type { CipherQueue, PacketCipher } from "./aead-seam.ts";

/** Jobs per run: what one batch of datagrams holds. */
export const MAX_JOBS = 64;

const FAILED = -2;
const DONE = -1;

export class CipherJobs {
  /** Per job DONE, FAILED, or its number in the queue. */
  readonly #place = new Int8Array(MAX_JOBS);
  readonly #queueOf = new Array<CipherQueue | undefined>(MAX_JOBS).fill(undefined);
  /** Of a backend: of these two kinds at most. */
  #one: CipherQueue | undefined;
  #other: CipherQueue | undefined;
  #count = 0;
  /** Jobs that were done at once and failed: of the next run, and of the last. */
  #failing = 0;
  #failed = 0;

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === MAX_JOBS;
  }

  /**
   * Seals in place the `length` bytes of plaintext behind the IV of the packet at `header`. Returns the length that the ESP
   * packet will have; whether it succeeded `ok` tells after `run`.
   */
  seal(cipher: PacketCipher, header: number, length: number, high: number, low: number): number {
    const job = this.#count++;
    if (cipher.enqueueSeal !== undefined) {
      this.#enqueue(job, cipher.queue!);
      return cipher.enqueueSeal(header, length, high, low);
    }
    const result = cipher.seal(header, header + 8 + cipher.ivLength, length, high, low);
    this.#done(job, result);
    return 8 + cipher.ivLength + length + cipher.icvLength;
  }

  /** Opens in place the ESP packet of `length` bytes, at least header, IV and ICV long. Returns the plaintext's length. */
  open(cipher: PacketCipher, header: number, length: number, high: number): number {
    const job = this.#count++;
    if (cipher.enqueueOpen !== undefined) {
      this.#enqueue(job, cipher.queue!);
      return cipher.enqueueOpen(header, length, high);
    }
    const result = cipher.open(header, length, high);
    this.#done(job, result);
    return length - 8 - cipher.ivLength - cipher.icvLength;
  }

  /** Carries out what is queued. Results stay readable until the next job is added. */
  run(): void {
    this.#one?.run();
    this.#other?.run();
    this.#count = 0;
    this.#failed = this.#failing;
    this.#failing = 0;
  }

  /** Whether all jobs of the last run succeeded. */
  allOk(): boolean {
    return this.#failed === 0 && (this.#one?.allOk() ?? true) && (this.#other?.allOk() ?? true);
  }

  /** Whether job number `job` of the last run succeeded. */
  ok(job: number): boolean {
    const place = this.#place[job]!;
    return place === DONE || (place >= 0 && this.#queueOf[job]!.ok(place));
  }

  #done(job: number, result: number): void {
    if (result < 0) this.#failing++;
    this.#place[job] = result < 0 ? FAILED : DONE;
  }

  #enqueue(job: number, queue: CipherQueue): void {
    if (this.#one !== queue && this.#other !== queue) {
      if (this.#one === undefined) this.#one = queue;
      else if (this.#other === undefined) this.#other = queue;
      else throw new TypeError("a backend has two kinds of queue at most");
    }
    if (this.#queueOf[job] !== queue) this.#queueOf[job] = queue;
    this.#place[job] = queue.count;
  }
}
