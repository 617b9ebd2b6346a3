/** Security associations as `swanctl --list-sas` prints them; `*` marks the SPI that is ours. */
import type { ChildStatus, TunnelStatus } from "@tandem/contract";

export function renderSas(tunnels: readonly TunnelStatus[]): string {
  const up = tunnels.filter((tunnel) => tunnel.initiatorSpi !== undefined);
  let childNumber = 0;
  return up
    .map((tunnel, index) => {
      const children = tunnel.children.map((child) => renderChild(tunnel, child, ++childNumber));
      return `${renderIkeSa(tunnel, index + 1)}${children.join("")}`;
    })
    .join("");
}

function renderIkeSa(tunnel: TunnelStatus, number: number): string {
  const mark = (initiators: boolean): string => ((tunnel.initiator === true) === initiators ? "*" : "");
  const host = (name: string | undefined, port: number | undefined): string =>
    `${name ?? "%any"}[${port ?? 0}]`;
  const lines = [
    `${tunnel.connection}: #${number}, ${tunnel.ike}, IKEv2, ${tunnel.initiatorSpi}_i${mark(true)} ${tunnel.responderSpi}_r${mark(false)}`,
    `  local  '${tunnel.localId ?? ""}' @ ${host(tunnel.localHost, tunnel.localPort)}`,
    `  remote '${tunnel.remoteId ?? ""}' @ ${host(tunnel.remoteHost ?? tunnel.remote, tunnel.remotePort)}`,
    `  ${tunnel.ikeSuite ?? ""}`,
    `  established ${seconds(tunnel.establishedSeconds)} ago, rekeying in ${seconds(tunnel.rekeySeconds)}`,
    `  seat ${tunnel.seat} on ${tunnel.instance}, remote ${tunnel.remote}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function renderChild(tunnel: TunnelStatus, child: ChildStatus, number: number): string {
  const lines = [
    `  ${child.policy ?? tunnel.connection}: #${number}, reqid ${number}, INSTALLED, TUNNEL${child.encapsulated === true ? "-in-UDP" : ""}, ESP:${child.esp}`,
    `    installed ${seconds(child.installedSeconds)} ago, rekeying in ${seconds(child.rekeySeconds)}, expires in ${seconds(child.lifeSeconds)}`,
    traffic("in ", child.spiIn, child.bytesIn, child.packetsIn, child.lastInAt),
    traffic("out", child.spiOut, child.bytesOut, child.packetsOut, child.lastOutAt),
    `    local  ${(child.localTs ?? []).join(" ")}`,
    `    remote ${(child.remoteTs ?? []).join(" ")}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function traffic(
  side: string,
  spi: string,
  bytes: number,
  packets: number | undefined,
  lastAt: number | undefined,
): string {
  const columns = `${String(bytes).padStart(7)} bytes, ${String(packets ?? 0).padStart(5)} packets`;
  const ago =
    lastAt === undefined
      ? ""
      : `, ${String(Math.max(0, Math.round((Date.now() - lastAt) / 1000))).padStart(5)}s ago`;
  return `    ${side} ${spi}, ${columns}${ago}`;
}

const seconds = (value: number | undefined): string => (value === undefined ? "?" : `${Math.round(value)}s`);
