import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { composeFiles } from "../../packages/lab/src/container/compose-main.ts";

const root = join(import.meta.dirname, "../..");

it("the committed Compose files are what lab/ compiles to (node packages/lab/src/container/compose-main.ts)", () => {
  for (const { path, text } of composeFiles())
    expect(readFileSync(join(root, path), "utf8"), path).toBe(text);
});
