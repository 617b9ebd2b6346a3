/** What survives a supervisor, and what happens when it cannot be written. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DesiredState } from "../../src/state/desired-state.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tandem-state-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("epochs never go back, and the next supervisor finds them", () => {
  const first = new DesiredState(join(folder, "s.sqlite"), () => {});
  first.rememberEpoch("gw/0", 7);
  first.rememberEpoch("gw/0", 3);
  first.set("profile", "hitless");
  first.close();
  const second = new DesiredState(join(folder, "s.sqlite"), () => {});
  expect(second.epochs()).toEqual([{ name: "gw/0", epoch: 7 }]);
  expect(second.get("profile")).toBe("hitless");
  second.close();
});

test("a file that cannot be written is said with its cause, and nothing waits for it", () => {
  const path = join(folder, "s.sqlite");
  const said: string[] = [];
  const state = new DesiredState(path, (message) => said.push(message));
  // Somebody else writes: refused on the spot, as by a full disk.
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  state.rememberEpoch("gw/0", 2);
  state.recordHistory(1, "gw/0", "seat.moved", "here");
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(/^state file: .*locked/);
  other.exec("ROLLBACK");
  other.close();
  state.rememberEpoch("gw/0", 3);
  expect(state.epochs()).toEqual([{ name: "gw/0", epoch: 3 }]);
  state.close();
});
