/** `connection add`. */
import { readFileSync } from "node:fs";
import { addConnection, applySource, findLab, LabError } from "@tandem/lab";
import { reportChange } from "../render/applied-change.ts";
import { JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "connection add FILE.json",
  about: `Adds a connection to a running lab. The file holds one connection resource in the cloud's shape, or an object
with lists of resources (connections, localNetworkGateways, ...) as a lab file has them. "-" reads standard input.
Devices, hosts and their links cannot be added: put them into the lab file and bring the lab down and up.`,
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const addition = readJsonFile(requiredPositional(invocation, 0, "the file"));
    return reportChange(await applySource(folder, (file) => addConnection(file, addition)), invocation);
  },
};

export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path === "-" ? 0 : path, "utf8"));
  } catch (error) {
    throw new LabError(
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
      "a JSON file is expected",
    );
  }
}
