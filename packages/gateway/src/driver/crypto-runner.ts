/**
 * Runs the engines' crypto jobs so that no handshake stalls a keepalive (DESIGN §5).
 *
 *      cheap job  ──▶ one per turn of the event loop, in this thread      (a curve: well under a millisecond)
 *      other jobs ──▶ worker threads, started when first needed           (MODP groups, RSA, certificate chains)
 *
 * Every job is answered exactly once; when a worker dies its jobs are answered `failed`.
 */
import { Worker } from "node:worker_threads";
import { type CryptoJob, type CryptoResult, restoreSecrets, runCryptoJob } from "@tandem/crypto";

export interface CryptoRunner {
  run(job: CryptoJob, answer: (result: CryptoResult) => void): void;
  stop(): Promise<void>;
}

/** Groups whose key pair and shared secret take about 0.1 to 0.3 ms. */
const CHEAP_GROUPS = new Set<string>(["x25519", "ecp256", "modp768", "modp1024"]);

const isCheap = (job: CryptoJob): boolean =>
  (job.kind === "generate-key-pair" || job.kind === "shared-secret" || job.kind === "generate-and-agree") &&
  CHEAP_GROUPS.has(job.group);

interface Waiting {
  readonly job: CryptoJob;
  readonly answer: (result: CryptoResult) => void;
}

interface PoolWorker {
  readonly thread: Worker;
  readonly waiting: Map<number, Waiting>;
}

export class PooledCryptoRunner implements CryptoRunner {
  readonly #size: number;
  readonly #runHere: (job: CryptoJob) => CryptoResult;
  readonly #workers: PoolWorker[] = [];
  readonly #turnQueue: Waiting[] = [];
  #turnPlanned = false;
  #nextId = 1;
  #stopped = false;

  /** `runHere` does the cheap ones. */
  constructor(size: number, runHere: (job: CryptoJob) => CryptoResult = runCryptoJob) {
    this.#size = size;
    this.#runHere = runHere;
  }

  run(job: CryptoJob, answer: (result: CryptoResult) => void): void {
    if (this.#stopped) return;
    if (isCheap(job)) {
      this.#turnQueue.push({ job, answer });
      this.#planTurn();
      return;
    }
    const worker = this.#leastBusy();
    const id = this.#nextId++;
    worker.waiting.set(id, { job, answer });
    worker.thread.postMessage({ id, job });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#turnQueue.length = 0;
    await Promise.all(this.#workers.map((worker) => worker.thread.terminate()));
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    setImmediate(() => {
      this.#turnPlanned = false;
      const next = this.#turnQueue.shift();
      if (next === undefined) return;
      if (this.#turnQueue.length > 0) this.#planTurn();
      next.answer(this.#runHere(next.job));
    });
  }

  #leastBusy(): PoolWorker {
    let best: PoolWorker | undefined;
    for (const worker of this.#workers) {
      if (best === undefined || worker.waiting.size < best.waiting.size) best = worker;
    }
    if (best !== undefined && (best.waiting.size === 0 || this.#workers.length >= this.#size)) return best;
    return this.#start();
  }

  #start(): PoolWorker {
    const thread = new Worker(new URL("./crypto-worker.ts", import.meta.url));
    const worker: PoolWorker = { thread, waiting: new Map() };
    thread.unref();
    thread.on("message", ({ id, result }: { id: number; result: CryptoResult }) => {
      const waiting = worker.waiting.get(id);
      worker.waiting.delete(id);
      if (!this.#stopped) waiting?.answer(restoreSecrets(result));
    });
    thread.on("error", () => this.#lost(worker));
    thread.on("exit", () => this.#lost(worker));
    this.#workers.push(worker);
    return worker;
  }

  #lost(worker: PoolWorker): void {
    const index = this.#workers.indexOf(worker);
    if (index >= 0) this.#workers.splice(index, 1);
    if (this.#stopped) return;
    for (const { job, answer } of worker.waiting.values()) {
      answer({ kind: "failed", job: job.kind, reason: "the crypto worker ended" });
    }
    worker.waiting.clear();
  }
}
