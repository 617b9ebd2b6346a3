/** The thread that runs expensive crypto jobs (crypto-runner.ts), one after the other. */
import { parentPort } from "node:worker_threads";
import { type CryptoJob, runCryptoJob } from "@tandem/crypto";

parentPort?.on("message", ({ id, job }: { id: number; job: CryptoJob }) => {
  parentPort?.postMessage({ id, result: plain(runCryptoJob(job)) });
});

/** Secret bytes are a class here; only plain arrays survive the way back. */
function plain(result: object): object {
  return Object.fromEntries(
    Object.entries(result).map(([key, value]) => [
      key,
      value instanceof Uint8Array ? new Uint8Array(value) : value,
    ]),
  );
}
