/**
 * `node packages/supervisor/src/site-router-main.ts --config FILE`: a site's router between hosts and several devices.
 * It stands in for the site's own routing protocol: a device that is gone, or has no tunnel left while another has one,
 * leaves the spread; flows of the others stay where they are.
 */
import { readFileSync } from "node:fs";
import { ProcessStatus, SiteRouterConfig } from "@tandem/contract";
import { ControlClient } from "./control/control-client.ts";
import { ControlServer } from "./control/control-server.ts";
import { IpProcess, ipQuery } from "./fabric/ip-process.ts";
import { watchLinks } from "./fabric/link-watch.ts";
import { DualSpread, type KernelNextHop } from "./fabric/spread.ts";
import { configArgument, log, onSignal, raisePriority } from "./process-main.ts";

const POLL_MILLISECONDS = 1000;
const FIRST_ID = 1000;

raisePriority();
const config = SiteRouterConfig.parse(JSON.parse(readFileSync(configArgument(), "utf8")));
const ip = new IpProcess();
const spread = new DualSpread(
  FIRST_ID,
  config.table,
  config.buckets,
  config.members.map((m) => m.device),
);

/** A device without a control socket (third-party) is always a member. */
const devices = config.members.map((member) => {
  const state = {
    member,
    reachable: member.controlSocket === undefined,
    tunnels: 0,
    client: undefined as ControlClient | undefined,
  };
  if (member.controlSocket !== undefined) {
    const poll = () => void ask(state);
    state.client = new ControlClient(member.controlSocket, {
      onUp() {
        state.client?.call("subscribe").catch(() => {});
        poll();
      },
      onDown() {
        state.reachable = false;
        state.tunnels = 0;
        void apply();
      },
      onEvent: poll,
    });
  }
  return state;
});

async function ask(state: (typeof devices)[number]): Promise<void> {
  try {
    const status = ProcessStatus.parse(await state.client?.call("status", undefined, 2000));
    state.reachable = true;
    state.tunnels = status.tunnels.filter((t) => t.children.length > 0).length;
  } catch {
    return; // an answer that does not come is not a tunnel that is gone; a closed socket is
  }
  await apply();
}

async function apply(learn = false): Promise<void> {
  const useful = devices.filter((d) => d.reachable && (d.tunnels > 0 || d.client === undefined));
  const members = useful.length > 0 ? useful : devices;
  const wanted = devices.map((d) => ({
    name: d.member.device,
    nextHop: members.includes(d) ? { via: d.member.via, device: d.member.interface } : undefined,
  }));
  if (learn) spread.learn((await ipQuery(["nexthop", "show"])) as KernelNextHop[], wanted);
  const complaints = await ip.run(spread.change(wanted));
  if (complaints !== "") log(config.name, `ip: ${complaints}`);
}

await apply(true);
const server = new ControlServer({
  status: () => ({
    name: config.name,
    kind: "router",
    pid: process.pid,
    members: devices.map((d) => ({ device: d.member.device, reachable: d.reachable, tunnels: d.tunnels })),
  }),
  ping: () => ({ pid: process.pid }),
});
await server.listen(config.controlSocket);
const unwatch = watchLinks(() => void apply(true).catch((error) => log(config.name, String(error))));
const timer = setInterval(() => {
  for (const d of devices) if (d.client?.up === true) void ask(d);
}, POLL_MILLISECONDS);
log(config.name, "ready");

onSignal(async () => {
  unwatch();
  clearInterval(timer);
  for (const d of devices) d.client?.close();
  ip.close();
  await server.close();
});
