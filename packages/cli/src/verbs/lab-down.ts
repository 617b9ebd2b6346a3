/** `lab down`: what `lab up` made is gone afterwards. */
import { existsSync } from "node:fs";
import { findLab, LabError, listLabs, listStateFolders, stateFolder, tearDown } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "lab down [NAME] [--all]",
  about:
    "Ends a lab's processes, deletes its namespaces and its state. Works on what a crash left behind, too.",
  options: {
    ...NAME_OPTION,
    all: { type: "boolean", about: "every lab of this user" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const name = stringValue(invocation, "name") ?? invocation.positionals[0];
    const folders = flag(invocation, "all") ? listStateFolders() : [folderOf(name)];
    const results = [];
    for (const folder of folders) results.push({ lab: folder.name, ...(await tearDown(folder)) });
    if (flag(invocation, "json")) printJson(results);
    else if (results.length === 0) print("no lab is up");
    else
      for (const one of results)
        print(
          `lab "${one.lab}" is down: ${one.processes} processes ended, ${one.namespaces} namespaces deleted`,
        );
    return 0;
  },
};

function folderOf(name: string | undefined) {
  if (name === undefined) return findLab(undefined).folder;
  const folder = stateFolder(name);
  // A folder without a readable record is what a crash in the first milliseconds leaves.
  if (existsSync(folder.root)) return folder;
  const up = listLabs().map(({ record }) => record.lab);
  throw new LabError(
    `there is no lab "${name}"`,
    up.length === 0 ? "no lab is up; nothing is to be done" : `labs that are up: ${up.join(", ")}`,
  );
}
