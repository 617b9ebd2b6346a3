/** `bgp routes`: the columns of the cloud's `list-learned-routes`. */
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { printGatewayRoutes } from "../render/gateway-routes.ts";
import { JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "bgp routes [NODE] [--prefix PREFIX] [--peer ADDRESS]",
  about: "Learned routes of every seat, or of one node.",
  options: {
    ...NAME_OPTION,
    prefix: { type: "string", value: "PREFIX", about: "this prefix only" },
    peer: { type: "string", value: "ADDRESS", about: "learned from this neighbour only" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = invocation.positionals[0];
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const prefix = stringValue(invocation, "prefix");
    const peer = stringValue(invocation, "peer");
    const query = { ...(prefix === undefined ? {} : { prefix }), ...(peer === undefined ? {} : { peer }) };
    return printGatewayRoutes(await askAll(processes, "bgp-routes", query), invocation);
  },
};
