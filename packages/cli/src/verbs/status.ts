/** `status`: one of the three fixed JSON shapes (contract/status.ts). */
import { findLab, labStatus } from "@tandem/lab";
import { renderStatus } from "../render/lab-status.ts";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "status [--name NAME]",
  about:
    "What every process of the lab says of itself, put together. Exit status 0 only when the lab is ready.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name") ?? invocation.positionals[0]);
    const status = await labStatus(folder);
    if (flag(invocation, "json")) printJson(status);
    else print(renderStatus(folder.name, status));
    return status.ready ? 0 : 1;
  },
};
