/** The one screen of `lab up --watch`, as text. */
import { bold, dim, green, red, yellow } from "../render/colour.ts";
import { renderEvent } from "../render/event.ts";
import { renderTable, visibleLength } from "../render/table.ts";
import { type ScreenState, totalsByDirection } from "./screen-state.ts";
import { tunnelKey } from "./traffic-meter.ts";

const MOST_REASONS = 4;

export function renderScreen(state: ScreenState, width: number, height: number): string {
  const { status } = state;
  const paint = { ready: green, degraded: yellow, down: red }[status.state];
  const head = `${bold(`tandem  ${state.lab}`)}  ${paint(status.state)}  profile ${status.profile}`;
  const blocks = [head, targetLine(state), tunnelTable(state), flowTable(state)];
  if (status.reasons.length > 0) blocks.push(reasonLines(status.reasons));
  if (state.notice !== "") blocks.push(bold(state.notice));
  const top = blocks.join("\n\n").split("\n");
  const footer = footerLine(state.takeDown);
  const room = Math.max(0, height - top.length - 2);
  const events = room === 0 ? [] : state.events.slice(-room).map((event) => dim(renderEvent(event)));
  const blank = Array.from({ length: room - events.length }, () => "");
  return [...top, "", ...events, ...blank, footer]
    .slice(0, height)
    .map((line) => clip(line, width))
    .join("\n");
}

function reasonLines(reasons: readonly string[]): string {
  const shown = reasons.slice(0, MOST_REASONS).map((one) => yellow(`! ${one}`));
  const rest = reasons.length - shown.length;
  return [...shown, ...(rest > 0 ? [yellow(`! and ${rest} more: ./tandem status`)] : [])].join("\n");
}

/** One line for those who have no terminal. */
export function renderLine(state: ScreenState): string {
  const { status } = state;
  const up = status.tunnels.filter(
    ({ ike, children }) => ike === "ESTABLISHED" && children.length > 0,
  ).length;
  const bgp = status.bgpPeers.filter(({ state: session }) => session === "Established").length;
  const rates = [...state.rates.values()].reduce((sum, { inMbps, outMbps }) => sum + inMbps + outMbps, 0);
  const totals = totalsByDirection(state.flows);
  const sum = (field: "sent" | "received" | "lost" | "flows"): number =>
    totals.reduce((all, one) => all + one[field], 0);
  const sessions = status.bgpPeers.length === 0 ? "" : `, BGP ${bgp}/${status.bgpPeers.length}`;
  return `${state.lab}: ${status.state}, tunnels ${up}/${status.tunnels.length}${sessions}, ${rates.toFixed(2)} Mbit/s, flows ${sum("flows")}, sent ${sum("sent")}, received ${sum("received")}, lost ${sum("lost")}`;
}

function targetLine({ targets, selected, status }: ScreenState): string {
  const instances = new Map(status.instances.map((one) => [one.name, one]));
  return targets
    .map((name, index) => {
      const instance = instances.get(name);
      const words =
        instance === undefined
          ? name
          : `${name} ${instance.state}${instance.seats.length === 0 ? "" : ` (${instance.seats.join(" ")})`}`;
      const text = instance?.state === "down" ? red(words) : words;
      return index === selected ? bold(`[${text}]`) : ` ${text} `;
    })
    .join(" ");
}

function tunnelTable({ status, rates }: ScreenState): string {
  return renderTable(status.tunnels, [
    { title: "TUNNEL", value: ({ connection }) => connection },
    { title: "SEAT", value: ({ seat }) => seat },
    { title: "ON", value: ({ instance }) => instance },
    { title: "REMOTE", value: ({ remote }) => remote },
    {
      title: "STATE",
      value: ({ ike, children }) =>
        ike === "ESTABLISHED" && children.length > 0
          ? green("up")
          : ike === "DOWN"
            ? red("down")
            : yellow(ike.toLowerCase()),
    },
    { title: "BGP", value: (tunnel) => bgpOf(status, tunnel) },
    {
      title: "Mbit/s IN",
      value: (tunnel) => (rates.get(tunnelKey(tunnel))?.inMbps ?? 0).toFixed(2),
      alignRight: true,
    },
    {
      title: "OUT",
      value: (tunnel) => (rates.get(tunnelKey(tunnel))?.outMbps ?? 0).toFixed(2),
      alignRight: true,
    },
    { title: "FLOWS", value: ({ flows }) => String(flows), alignRight: true },
  ]).trimEnd();
}

function bgpOf(
  { bgpPeers }: ScreenState["status"],
  tunnel: ScreenState["status"]["tunnels"][number],
): string {
  const peer = bgpPeers.find(({ peer: name, seat }) => seat === tunnel.seat && name === tunnel.tunnel);
  if (peer === undefined) return dim("-");
  return peer.state === "Established" ? green(`${peer.routesReceived} routes`) : yellow(peer.state);
}

function flowTable({ flows }: ScreenState): string {
  return renderTable(totalsByDirection(flows), [
    { title: "PROBE TRAFFIC", value: ({ direction }) => direction },
    { title: "FLOWS", value: (one) => String(one.flows), alignRight: true },
    { title: "SENT", value: ({ sent }) => String(sent), alignRight: true },
    { title: "RECEIVED", value: ({ received }) => String(received), alignRight: true },
    { title: "LOST", value: ({ lost }) => (lost === 0 ? "0" : red(String(lost))), alignRight: true },
    { title: "TCP ALIVE", value: ({ tcpAlive }) => tcpAlive, alignRight: true },
    {
      title: "DELAY",
      value: ({ delayMilliseconds }) => `${delayMilliseconds.toFixed(2)} ms`,
      alignRight: true,
    },
  ]).trimEnd();
}

function footerLine(takeDown: boolean): string {
  const keys = [
    "tab choose",
    "k kill",
    "p pause",
    "d drain",
    "r restore",
    `q quit${takeDown ? " and take down" : ""}`,
  ];
  return dim(keys.join("   "));
}

/** Escape sequences have no width, so only lines that are too long are looked at closely. */
function clip(line: string, width: number): string {
  if (visibleLength(line) <= width) return line;
  return `${line.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"), "").slice(0, Math.max(0, width - 1))}…`;
}
