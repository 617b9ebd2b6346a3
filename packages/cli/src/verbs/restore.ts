/** `restore`: a killed process runs again, a paused one goes on, a drained one takes traffic again. */
import { findLab, mendNode } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "restore NODE",
  about: "Brings a node back, whatever was done to it: wakes it, starts it again, ends its drain.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  examples: ["./tandem restore gw/IN_0", "./tandem restore device1"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = requiredPositional(invocation, 0, "the node");
    const done = await mendNode(folder, node);
    if (flag(invocation, "json")) printJson({ node, done });
    else print(`${node} ${done}`);
    return 0;
  },
};
