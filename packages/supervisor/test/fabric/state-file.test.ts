/** The fabric's state on a disk that is full: /dev/full stands in for the file that is written aside. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StateFile } from "../../src/fabric/state-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tandem-state-"));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const owners = (epoch: number) => () => [["gw/0", { owner: "gw/IN_1", epoch, drained: false }]] as const;

test("a full disk is said once, loses nothing that was written, and is tried again", () => {
  const path = join(folder, "fabric.json");
  const said: string[] = [];
  const file = new StateFile(path, (text) => said.push(text));
  file.save(owners(1));
  symlinkSync("/dev/full", `${path}.new`);
  file.save(owners(2));
  file.save(owners(3));
  expect(said).toEqual([expect.stringContaining("ENOSPC")]);
  expect(new StateFile(path, () => {}).read().get("gw/0")?.epoch).toBe(1);
  unlinkSync(`${path}.new`);
  vi.advanceTimersByTime(1500);
  expect(said.at(-1)).toBe("the state file is written again");
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(owners(3)());
});
