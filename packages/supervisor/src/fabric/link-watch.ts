/** Tells when links of this namespace change: the kernel drops next hops of a link that goes down, and does not bring them back. */
import { type ChildProcess, spawn } from "node:child_process";

/** `settled` is called once per burst of changes. Returns a function that ends the watch. */
export function watchLinks(settled: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let child: ChildProcess | undefined;
  let ended = false;
  const start = (): void => {
    child = spawn("ip", ["monitor", "link"], { stdio: ["ignore", "pipe", "ignore"] });
    child.stdout?.on("data", () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        settled();
      }, 20);
    });
    child.on("error", () => {});
    child.on("close", () => {
      if (!ended) setTimeout(start, 1000).unref();
    });
  };
  start();
  return () => {
    ended = true;
    clearTimeout(timer);
    child?.kill();
  };
}
