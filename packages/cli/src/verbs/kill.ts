/** `kill`: SIGKILL. */
import { findLab, signalNode } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "kill NODE",
  about: "Ends a process at once, as a crash would. The supervisor, if it runs, notices and acts.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  examples: ["./tandem kill gw/IN_0"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const signalled = signalNode(folder, requiredPositional(invocation, 0, "the node"), "SIGKILL");
    if (flag(invocation, "json")) printJson(signalled);
    else for (const { node, pid } of signalled) print(`${node} killed (pid ${pid})`);
    return 0;
  },
};
