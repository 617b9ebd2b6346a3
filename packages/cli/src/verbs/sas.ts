/** `sas`: the layout of `swanctl --list-sas`. */
import { type ProcessStatus, ProcessStatus as Schema, type TunnelStatus } from "@tandem/contract";
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { renderSas } from "../render/sas.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "sas [--node NODE]",
  about: "IKE and Child SAs of the gateways' instances, or of one node, in the layout of swanctl --list-sas.",
  options: {
    ...NAME_OPTION,
    node: { type: "string", value: "NODE", about: "an instance or a Tandem device (default: all instances)" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = stringValue(invocation, "node") ?? invocation.positionals[0];
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const answers = await askAll(processes, "status");
    const statuses = answers.flatMap(({ result }): ProcessStatus[] => {
      const parsed = Schema.safeParse(result);
      return parsed.success ? [parsed.data] : [];
    });
    const tunnels: TunnelStatus[] = statuses.flatMap((status) => status.tunnels);
    if (flag(invocation, "json")) printJson(tunnels);
    else print(renderSas(tunnels));
    for (const { node: name, reason } of answers) {
      if (reason !== undefined) process.stderr.write(`${name}: ${reason}\n`);
    }
    return answers.every(({ reason }) => reason === undefined) ? 0 : 1;
  },
};
