/** `status` for people. */
import type { LabStatus, TunnelStatus } from "@tandem/contract";
import { bold, green, red, yellow } from "./colour.ts";
import { bytes } from "./quantity.ts";
import { renderTable } from "./table.ts";

export function renderStatus(lab: string, status: LabStatus): string {
  const paint = { ready: green, degraded: yellow, down: red }[status.state];
  const parts = [`${bold(lab)}: ${paint(status.state)}, profile ${status.profile}\n`];
  parts.push(
    renderTable(status.instances, [
      { title: "INSTANCE", value: ({ name }) => name },
      { title: "STATE", value: ({ state }) => (state === "down" ? red(state) : state) },
      { title: "PID", value: ({ pid }) => (pid === null ? "-" : String(pid)), alignRight: true },
      { title: "SEATS", value: ({ seats }) => (seats.length === 0 ? "-" : seats.join(" ")) },
    ]),
    renderTable(status.seats, [
      { title: "SEAT", value: ({ name }) => name },
      { title: "PUBLIC IP", value: ({ publicIp }) => publicIp },
      { title: "BGP IP", value: ({ bgpIp }) => bgpIp },
      { title: "OWNER", value: ({ owner }) => owner ?? red("none") },
      { title: "EPOCH", value: ({ epoch }) => String(epoch), alignRight: true },
    ]),
  );
  if (status.tunnels.length > 0) parts.push(renderTable(status.tunnels, TUNNEL_COLUMNS));
  if (status.bgpPeers.length > 0) {
    parts.push(
      renderTable(status.bgpPeers, [
        { title: "BGP SEAT", value: ({ seat }) => seat },
        { title: "NEIGHBOR", value: ({ neighbor }) => neighbor },
        { title: "AS", value: ({ asn }) => String(asn), alignRight: true },
        { title: "STATE", value: ({ state }) => (state === "Established" ? green(state) : yellow(state)) },
        { title: "ROUTES", value: ({ routesReceived }) => String(routesReceived), alignRight: true },
      ]),
    );
  }
  if (status.reasons.length > 0)
    parts.push(`${bold("Not ready:")}\n${status.reasons.map((one) => `  ${one}\n`).join("")}`);
  return parts.join("\n");
}

const total = (tunnel: TunnelStatus, side: "bytesIn" | "bytesOut"): string =>
  bytes(tunnel.children.reduce((sum, child) => sum + child[side], 0));

const TUNNEL_COLUMNS = [
  { title: "TUNNEL", value: ({ connection }: TunnelStatus) => connection },
  { title: "SEAT", value: ({ seat }: TunnelStatus) => seat },
  { title: "REMOTE", value: ({ remote }: TunnelStatus) => remote },
  { title: "IKE", value: ({ ike }: TunnelStatus) => (ike === "ESTABLISHED" ? green(ike) : yellow(ike)) },
  { title: "ESP", value: ({ children }: TunnelStatus) => children[0]?.esp ?? "-" },
  {
    title: "SPI IN/OUT",
    value: ({ children }: TunnelStatus) =>
      children[0] === undefined ? "-" : `${children[0].spiIn}/${children[0].spiOut}`,
  },
  { title: "IN", value: (tunnel: TunnelStatus) => total(tunnel, "bytesIn"), alignRight: true },
  { title: "OUT", value: (tunnel: TunnelStatus) => total(tunnel, "bytesOut"), alignRight: true },
  { title: "FLOWS", value: ({ flows }: TunnelStatus) => String(flows), alignRight: true },
];
