/** `lab exec NODE COMMAND`: the same in a root lab and a rootless one. */
import { execInNode, findLab } from "@tandem/lab";
import { NAME_OPTION, requiredPositional, stringValue, UsageError, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "lab exec [--name NAME] NODE COMMAND [ARGUMENTS ...]",
  about: "Runs a command in a node's network namespace and gives its exit status.",
  options: { ...NAME_OPTION },
  passThrough: true,
  examples: ["./tandem lab exec vnet1-host ping -c 3 10.51.0.4", "./tandem lab exec gw/IN_0 ip route"],
  async run(invocation) {
    const node = requiredPositional(invocation, 0, "the node");
    const command = invocation.positionals.slice(1);
    if (command.length === 0) throw new UsageError("the command is missing");
    const { folder } = findLab(stringValue(invocation, "name"));
    return await execInNode(folder, node, command);
  },
};
