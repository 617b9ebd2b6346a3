/**
 * swanctl.conf for a device's end of a tunnel, from the same configuration that a Tandem device would get.
 * A connection name must be one word in vici, hence `sectionName`.
 */
import type { ConnectionConfig } from "@tandem/contract";
import { type ConfigBlock, quoted, renderBlock } from "./config-block.ts";
import { espProposals, ikeProposals } from "./strongswan-proposals.ts";

const ANY = ["0.0.0.0/0", "::/0"];

export interface SwanctlOptions {
  readonly localAddress: string;
  /** Where both ends may begin the device does not, at its start: the gateway is known to. */
  readonly waits?: boolean;
}

export function swanctlConf(connections: readonly ConnectionConfig[], options: SwanctlOptions): string {
  const sections = connections.map((one, index): [string, ConfigBlock] => [
    sectionName(one, index),
    connectionBlock(one, sectionName(one, index), options),
  ]);
  const secrets = connections.flatMap((one, index): [string, ConfigBlock][] =>
    one.authentication.method === "psk"
      ? [
          [
            `ike-${index}`,
            {
              "id-local": quoted(one.localId),
              "id-remote": quoted(one.remote.id),
              secret: quoted(one.authentication.secret),
            },
          ],
        ]
      : [],
  );
  return renderBlock({ connections: Object.fromEntries(sections), secrets: Object.fromEntries(secrets) });
}

export function sectionName(connection: ConnectionConfig, index: number): string {
  return `${connection.name.replaceAll(/[^A-Za-z0-9_-]/g, "-")}-${index}`;
}

function connectionBlock(connection: ConnectionConfig, name: string, options: SwanctlOptions): ConfigBlock {
  // Where both ends may dial the gateway sees to what comes after the start: two that both restore everything never settle.
  const alone = connection.mode === "InitiatorOnly";
  const begins = alone || (connection.mode === "Default" && options.waits !== true);
  const psk = connection.authentication.method === "psk";
  return {
    version: "2",
    local_addrs: options.localAddress,
    ...(connection.remote.address === null ? {} : { remote_addrs: connection.remote.address }),
    proposals: ikeProposals(connection.ipsecPolicy).join(", "),
    encap: "yes", // userspace ESP of kernel-libipsec knows UDP encapsulation only
    dpd_delay: `${dpdDelay(connection)}s`,
    rekey_time: `${connection.ikeLifetimeSeconds}s`,
    keyingtries: "0",
    mobike: "no",
    ...(connection.requestAddress ? { vips: "0.0.0.0" } : {}),
    local: {
      auth: psk ? "psk" : "pubkey",
      id: quoted(connection.localId),
      ...(psk ? {} : { certs: "own.pem" }),
    },
    remote: {
      auth: psk ? "psk" : "pubkey",
      id: quoted(connection.remote.id),
      ...(psk ? {} : { cacerts: "root0.pem" }),
    },
    children: {
      [name]: {
        local_ts: selectors(connection, "local"),
        remote_ts: selectors(connection, "remote"),
        esp_proposals: espProposals(connection.ipsecPolicy).join(", "),
        life_time: `${connection.childLifetimeSeconds}s`,
        rekey_time: `${Math.floor(connection.childLifetimeSeconds * 0.9)}s`,
        replay_window: String(connection.replayWindow),
        start_action: begins ? "start" : "none",
        dpd_action: alone ? "restart" : "clear",
        close_action: alone ? "start" : "none",
      },
    },
  };
}

function selectors(connection: ConnectionConfig, side: "local" | "remote"): string {
  if (connection.requestAddress && side === "local") return "dynamic";
  const prefixes = connection.trafficSelectors.flatMap((pair) => pair[side]);
  return (prefixes.length > 0 ? prefixes : ANY).join(", ");
}

/** A third of the timeout passes before the first question; the rest is for its repetitions (`retransmission`). */
export function dpdDelay(connection: Pick<ConnectionConfig, "dpdTimeoutSeconds">): number {
  return Math.max(1, Math.floor(connection.dpdTimeoutSeconds / 3));
}

const RETRANSMIT_BASE = 1.5;
const RETRANSMIT_TRIES = 4;

/** strongswan.conf's `charon.retransmit_*`, such that a dead peer is given up when the DPD timeout has passed. */
export function retransmission(connection: Pick<ConnectionConfig, "dpdTimeoutSeconds">): ConfigBlock {
  let factor = 0;
  for (let attempt = 0; attempt <= RETRANSMIT_TRIES; attempt++) factor += RETRANSMIT_BASE ** attempt;
  const budget = connection.dpdTimeoutSeconds - dpdDelay(connection);
  return {
    retransmit_base: String(RETRANSMIT_BASE),
    retransmit_tries: String(RETRANSMIT_TRIES),
    retransmit_timeout: (budget / factor).toFixed(2),
  };
}
