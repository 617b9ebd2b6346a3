import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

/** Every module that `entry` loads, itself included, and the packages it names. */
function imports(entry: URL, seen = new Map<string, Set<string>>()): Map<string, Set<string>> {
  if (seen.has(entry.href)) return seen;
  const packages = new Set<string>();
  seen.set(entry.href, packages);
  const source = readFileSync(entry, "utf8");
  for (const [, specifier] of source.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from\s+"([^"]+)";/gm)) {
    if (specifier!.startsWith(".")) imports(new URL(specifier!, entry), seen);
    else packages.add(specifier!);
  }
  return seen;
}

it("the noble backend rests on nothing of Node", () => {
  const found = imports(new URL("../src/noble-backend.ts", import.meta.url));
  expect(found.size).toBeGreaterThan(5);
  for (const [file, packages] of found)
    for (const name of packages) expect(`${file} imports ${name}`).toMatch(/ imports @noble\//);
});
