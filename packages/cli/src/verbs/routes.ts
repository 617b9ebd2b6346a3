/** `routes`: the one FIB of each instance. */
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { renderTable } from "../render/table.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

interface Route {
  readonly prefix: string;
  readonly tunnels: readonly string[];
  readonly source: string;
}

export const verb: Verb = {
  usage: "routes [NODE]",
  about:
    "Which tunnels lead to which prefix, on every instance or on one node. Several tunnels share the flows.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = invocation.positionals[0];
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const answers = await askAll(processes, "routes");
    const rows = answers.flatMap((answer) =>
      ((answer.result as Route[] | undefined) ?? []).map((route) => ({ node: answer.node, ...route })),
    );
    if (flag(invocation, "json")) printJson(rows);
    else {
      print(
        renderTable(rows, [
          { title: "NODE", value: (row) => row.node },
          { title: "PREFIX", value: (row) => row.prefix },
          { title: "FROM", value: (row) => row.source },
          { title: "TUNNELS", value: (row) => row.tunnels.join("  ") },
        ]),
      );
    }
    for (const { node: name, reason } of answers)
      if (reason !== undefined) process.stderr.write(`${name}: ${reason}\n`);
    return answers.every(({ reason }) => reason === undefined) ? 0 : 1;
  },
};
