/** `node packages/supervisor/src/fabric-main.ts --config FILE`, in the fabric's namespace. */
import { readFileSync } from "node:fs";
import { FabricConfig, FabricDrain, PrepareOwner, SetOwner } from "@tandem/contract";
import { type ControlPeer, ControlServer } from "./control/control-server.ts";
import { FabricAgent } from "./fabric/fabric-agent.ts";
import { watchLinks } from "./fabric/link-watch.ts";
import { PortProbe } from "./fabric/port-probe.ts";
import { strictReversePath } from "./fabric/reverse-path.ts";
import { configArgument, log, onSignal, raisePriority } from "./process-main.ts";

raisePriority();
const config = FabricConfig.parse(JSON.parse(readFileSync(configArgument(), "utf8")));
const agent = new FabricAgent(config, (text) => log(config.name, text));

const unfiltered = await strictReversePath([
  ...config.gateways.flatMap(({ ports }) => ports.map(({ outside }) => outside.interface)),
  ...config.edgeInterfaces,
]);
if (unfiltered !== undefined) log(config.name, unfiltered);
await agent.start();
const subscribers = new Set<ControlPeer>();
const ports = new PortProbe(config, (event) => {
  log(config.name, `${event.instance} ${event.up ? "answers" : "does not answer"} ${event.side}`);
  for (const peer of subscribers) peer.send({ event });
});
const server = new ControlServer({
  status: () => ({ name: config.name, kind: "fabric", pid: process.pid, ...agent.status() }),
  subscribe: (_params, peer) => {
    subscribers.add(peer);
    peer.onClose(() => subscribers.delete(peer));
    for (const event of ports.list()) peer.send({ event });
    return { subscribed: true };
  },
  ping: () => ({ pid: process.pid }),
  "set-owner": (params) => {
    const { seat, owner, epoch, drained } = SetOwner.parse(params);
    return agent.setOwner(seat, owner, epoch, drained);
  },
  "prepare-owner": (params) => {
    const { seat, owner } = PrepareOwner.parse(params);
    return agent.prepareOwner(seat, owner);
  },
  drain: async (params) => {
    const { seat, off } = FabricDrain.parse(params);
    await agent.drain(seat, !off);
  },
});
await server.listen(config.controlSocket);
const unwatch = watchLinks(() => void agent.apply().catch((error) => log(config.name, String(error))));
log(config.name, "ready");

onSignal(async () => {
  unwatch();
  ports.close();
  agent.close();
  await server.close();
});
