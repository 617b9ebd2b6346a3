/** The benchmarks there are: `bench/NAME-main.ts`, `bench/NAME/main.ts` or `bench/NAME.ts` with a main of its own. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isContainer } from "./container/in-containers.ts";

export function listBenches(): Record<string, string> {
  if (isContainer()) return containerBenches();
  const folder = join(import.meta.dirname, "bench");
  if (!existsSync(folder)) return {};
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const inner = join(folder, entry.name, "main.ts");
    const name = /^(.+)-main\.ts$/.exec(entry.name)?.[1];
    if (entry.isDirectory() && existsSync(inner)) found[entry.name] = inner;
    else if (name !== undefined) found[name] = join(folder, entry.name);
  }
  return found;
}

/** In a container the lab that runs is measured; making labs and peers beside it is not possible there. */
function containerBenches(): Record<string, string> {
  const folder = join(import.meta.dirname, "container");
  return {
    failover: join(folder, "bench-failover-main.ts"),
    throughput: join(folder, "bench-throughput-main.ts"),
  };
}
