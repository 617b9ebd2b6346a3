/** `bgp advertised`: the columns of the cloud's `list-advertised-routes`. */
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { printGatewayRoutes } from "../render/gateway-routes.ts";
import { JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "bgp advertised [NEIGHBOR] [--node NODE]",
  about: "What every seat, or one node, advertises: to one neighbour or to all of them.",
  options: {
    ...NAME_OPTION,
    node: { type: "string", value: "NODE", about: "of this node only" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = stringValue(invocation, "node");
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const peer = invocation.positionals[0];
    return printGatewayRoutes(
      await askAll(processes, "bgp-advertised", peer === undefined ? {} : { peer }),
      invocation,
    );
  },
};
