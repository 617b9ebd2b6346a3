/** Seat routes of the fabric as they are at the start, laid without its agent: no failover, no spreading. */
import { isIPv6 } from "node:net";
import type { FabricNode, LabPlan } from "@tandem/contract";
import type { Realm } from "../netns/realm.ts";
import { namespaceOf } from "./network-of-plan.ts";

export async function layStaticFabric(realm: Realm, plan: LabPlan): Promise<void> {
  for (const node of plan.nodes) if (node.kind === "fabric") await layNode(realm, plan, node);
}

async function layNode(realm: Realm, plan: LabPlan, node: FabricNode): Promise<void> {
  const lines = { "-4": [] as string[], "-6": [] as string[] };
  for (const gateway of node.config.gateways) {
    for (const seat of gateway.seats) {
      const port = gateway.ports.find(({ instance }) => instance === seat.owner);
      if (port === undefined) continue;
      for (const address of seat.publicIps) {
        const family = isIPv6(address) ? "-6" : "-4";
        const via = port.outside.via.find((one) => isIPv6(one) === isIPv6(address));
        lines[family].push(`route replace ${address} via ${via} dev ${port.outside.interface} onlink`);
      }
      for (const via of port.inside.via) {
        const family = isIPv6(via) ? "-6" : "-4";
        lines[family].push(
          `route replace default via ${via} dev ${port.inside.interface} onlink table ${gateway.table}`,
        );
      }
    }
  }
  for (const family of ["-4", "-6"] as const) {
    const batch = lines[family].map((line) => `${line}\n`).join("");
    await realm.run(["ip", family, "-netns", namespaceOf(plan.lab, node.name), "-batch", "-"], batch);
  }
}
