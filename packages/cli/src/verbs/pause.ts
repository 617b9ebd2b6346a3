/** `pause`: SIGSTOP. */
import { findLab, signalNode } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "pause NODE",
  about: "Stops a process without ending it: it answers nothing, and may wake up later (resume).",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  examples: ["./tandem pause gw/IN_0"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const signalled = signalNode(folder, requiredPositional(invocation, 0, "the node"), "SIGSTOP");
    if (flag(invocation, "json")) printJson(signalled);
    else for (const { node, pid } of signalled) print(`${node} paused (pid ${pid})`);
    return 0;
  },
};
