/** `heal`: ends a cut. */
import { findLab, healLinks, LINK_ROLES, supervisorOf } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, UsageError, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "heal [outside|inside|partner|control|vnet|site] [NODE]",
  about: "Ends the cuts of a node's network; without words, every cut of the lab.",
  mostWords: 2,
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const [what, node] = invocation.positionals;
    const role = LINK_ROLES.find((one) => one === what);
    if (what !== undefined && role === undefined)
      throw new UsageError(`${what}: one of ${LINK_ROLES.join(", ")} is expected`);
    if (role === "control")
      await supervisorOf(folder).call("heal-control", node === undefined ? {} : { instance: node });
    const links = role === "control" ? [] : await healLinks(folder, role, node);
    if (role === undefined)
      await supervisorOf(folder)
        .call("heal-control", {})
        .catch(() => {});
    if (flag(invocation, "json")) printJson({ links });
    else
      print(
        role === "control"
          ? "the supervisor is reachable again"
          : `healed: ${links.length === 0 ? "nothing was cut" : links.join(", ")}`,
      );
    return 0;
  },
};
