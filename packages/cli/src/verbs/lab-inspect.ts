/** `lab inspect`: one of the three fixed JSON shapes (contract/lab-inspect.ts). */
import { findLab, inspectLab } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { renderTable } from "../render/table.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "lab inspect [--name NAME]",
  about: "Nodes with their kind, network namespace, process and addresses.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name") ?? invocation.positionals[0]);
    const inspect = inspectLab(folder);
    if (flag(invocation, "json")) {
      printJson(inspect);
      return 0;
    }
    print(
      renderTable(inspect.nodes, [
        { title: "NODE", value: (node) => node.name },
        { title: "KIND", value: (node) => node.kind },
        { title: "NAMESPACE", value: (node) => node.netns },
        { title: "PID", value: (node) => (node.pid === null ? "-" : String(node.pid)), alignRight: true },
        {
          title: "ADDRESSES",
          value: (node) =>
            Object.entries(node.addresses)
              .filter(([link]) => !link.includes("-v6"))
              .map(([link, address]) => `${link} ${address}`)
              .join(", "),
        },
      ]),
    );
    return 0;
  },
};
