/** `cut`: a network fails silently: cables stay plugged, packets vanish. */
import { cutLinks, findLab, LINK_ROLES, supervisorOf } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import {
  flag,
  JSON_OPTION,
  NAME_OPTION,
  requiredPositional,
  stringValue,
  UsageError,
  type Verb,
} from "../verb.ts";

export const verb: Verb = {
  usage: "cut outside|inside|partner|control|vnet|site NODE",
  about: `Cuts a node off one of its networks, in both directions and without a sign: no link goes down, packets are lost.
"control" cuts an instance off the supervisor.`,
  mostWords: 2,
  options: { ...NAME_OPTION, ...JSON_OPTION },
  examples: ["./tandem cut outside gw/IN_0", "./tandem heal outside gw/IN_0"],
  async run(invocation) {
    const what = requiredPositional(invocation, 0, "which network");
    const node = requiredPositional(invocation, 1, "the node");
    const { folder } = findLab(stringValue(invocation, "name"));
    const role = LINK_ROLES.find((one) => one === what);
    if (role === undefined) throw new UsageError(`${what}: one of ${LINK_ROLES.join(", ")} is expected`);
    const links = role === "control" ? [] : await cutLinks(folder, role, node);
    if (role === "control") await supervisorOf(folder).call("cut-control", { instance: node });
    if (flag(invocation, "json")) printJson({ node, role, links });
    else print(`${node} is cut off ${role === "control" ? "the supervisor" : `its ${role} network`}`);
    return 0;
  },
};
