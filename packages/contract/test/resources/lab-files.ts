/** The lab files of the repository, and a compile of one with fixed secrets. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CompileOptions, type LabFileInput, type LabPlan, loadLab } from "../../src/index.ts";

const folder = fileURLToPath(new URL("../../../../lab/", import.meta.url));

export const topologies: readonly string[] = readdirSync(folder)
  .filter((f) => f.endsWith(".json") && f !== "schema.json")
  .map((f) => f.slice(0, -5))
  .sort();

export const readLab = (topology: string): LabFileInput =>
  JSON.parse(readFileSync(`${folder}${topology}.json`, "utf8")) as LabFileInput;

export const readSchema = (): unknown => JSON.parse(readFileSync(`${folder}schema.json`, "utf8"));

export const options = (topology: string): CompileOptions => {
  let n = 0;
  return {
    topology,
    runDirectory: `/run/tandem/${topology}`,
    randomHex: (bytes) => (++n).toString(16).padStart(2 * bytes, "0"),
  };
};

export function compiled(topology: string, change: (file: LabFileInput) => void = () => {}): LabPlan {
  const file = readLab(topology);
  change(file);
  const loaded = loadLab(file, options(topology));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.findings, null, 1));
  return loaded.plan;
}
