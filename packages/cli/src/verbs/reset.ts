/** `reset`: the cloud's own ways to reset a gateway or a connection (azure-vpn-gateway §1.5). */
import { askAll, findLab, LabError, labProcesses, readPlan, supervisorOf } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";
import { messageOf } from "./failover.ts";

export const verb: Verb = {
  usage: "reset [GATEWAY | CONNECTION] [--vip ADDRESS]",
  about: `Resets a gateway: active-standby restarts the active instance, so that a second reset restarts the other one;
active-active restarts the primary each time, or the one with the given public IP. A connection's reset restarts nothing:
its tunnels are taken down and established anew.`,
  options: {
    ...NAME_OPTION,
    vip: { type: "string", value: "ADDRESS", about: "public IP of the instance to reset" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const plan = readPlan(folder);
    const what = invocation.positionals[0] ?? plan.gateways[0]?.name ?? "";
    const vip = stringValue(invocation, "vip");
    if (plan.gateways.some(({ name }) => name === what)) {
      const answer = await supervisorOf(folder).call("reset", {
        gateway: what,
        ...(vip === undefined ? {} : { vip }),
      });
      if (flag(invocation, "json")) printJson(answer);
      else print(messageOf(answer) ?? `gateway ${what} was reset`);
      return 0;
    }
    const connections = [...new Set(plan.tunnels.map(({ connection }) => connection))];
    if (!connections.includes(what)) {
      const known = [...plan.gateways.map(({ name }) => name), ...connections].join(", ");
      throw new LabError(`there is no gateway or connection "${what}"`, `gateways and connections: ${known}`);
    }
    const instances = labProcesses(folder, ["instance"]);
    const ended = (await askAll(instances, "terminate", { connection: what })).filter(
      ({ result }) => result !== undefined,
    );
    await askAll(instances, "initiate", { connection: what });
    if (flag(invocation, "json")) printJson(ended);
    else print(`connection ${what} was reset`);
    return 0;
  },
};
