import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { recordProcess } from "../../src/lab-record.ts";
import { locateLabFile, readLabSource } from "../../src/lab-source.ts";
import { identify } from "../../src/process/process-identity.ts";
import type { StateFolder } from "../../src/state-folder.ts";
import { missingPrograms } from "../../src/status/device-programs.ts";

const alive = identify(process.pid)!;
/** The same pid in the hands of another process. */
const gone = { ...alive, startTime: "1" };
const planOf = (deviceKind: "tandem" | "strongswan") =>
  readLabSource(locateLabFile("active-standby"), "/run/tandem", { deviceKind }).plan;
let folder: StateFolder;

beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "tandem-programs-"));
  folder = { name: "unit", root, config: root, control: root, log: root, state: root };
});
afterEach(() => rmSync(folder.root, { recursive: true }));

it("names the program of a third-party device that has ended, and not one that was started again", () => {
  recordProcess(folder, { node: "device1", role: "bird", identity: { ...gone, pid: 1 } });
  recordProcess(folder, { node: "device1", role: "charon-t0", identity: { ...gone, pid: 2 } });
  expect(missingPrograms(folder, planOf("strongswan"))).toEqual([
    "device1: bird is not running",
    "device1: charon-t0 is not running",
  ]);
  recordProcess(folder, { node: "device1", role: "bird", identity: alive });
  expect(missingPrograms(folder, planOf("strongswan"))).toEqual(["device1: charon-t0 is not running"]);
});

it("says nothing where nothing is known, and nothing of Tandem's own devices, who answer for themselves", () => {
  expect(missingPrograms(folder, planOf("strongswan"))).toEqual([]);
  recordProcess(folder, { node: "device1", role: "device", identity: { ...gone, pid: 1 } });
  expect(missingPrograms(folder, planOf("tandem"))).toEqual([]);
});
