/** `resume`: SIGCONT. */
import { findLab, signalNode } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "resume NODE",
  about: "Lets a paused process go on.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  examples: ["./tandem resume gw/IN_0"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const signalled = signalNode(folder, requiredPositional(invocation, 0, "the node"), "SIGCONT");
    if (flag(invocation, "json")) printJson(signalled);
    else for (const { node, pid } of signalled) print(`${node} resumed (pid ${pid})`);
    return 0;
  },
};
