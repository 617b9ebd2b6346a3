/** The benchmarks there are: `bench/NAME-main.ts`, `bench/NAME/main.ts` or `bench/NAME.ts` with a main of its own. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export function listBenches(): Record<string, string> {
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
