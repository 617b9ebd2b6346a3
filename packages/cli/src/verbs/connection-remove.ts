/** `connection remove`. */
import { applySource, findLab, removeConnection } from "@tandem/lab";
import { reportChange } from "../render/applied-change.ts";
import { JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "connection remove CONNECTION",
  about:
    "Removes a connection from a running lab, at the gateway and at the device. Nothing else is touched.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const name = requiredPositional(invocation, 0, "the connection");
    return reportChange(await applySource(folder, (file) => removeConnection(file, name)), invocation);
  },
};
