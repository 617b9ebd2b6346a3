/** The words in which a seat's changes are told (contract/event.ts). */
import type { IkeEffect } from "@tandem/ike";
import type { NewEvent } from "../events/journal.ts";

export type Effect<K extends IkeEffect["kind"]> = Extract<IkeEffect, { kind: K }>;

/** `adopted`: taken over from the partner's replica; nothing was negotiated. */
export function ikeSaUpEvent(effect: Effect<"ike-sa-up">, adopted: boolean): NewEvent {
  const { ikeSa, remote, remoteId, replaces } = effect;
  if (adopted) {
    const message = `IKE SA ${ikeSa} with ${remoteId} at ${remote}, taken over as it was`;
    return { event: "ike.adopted", message, ikeSa };
  }
  const role = effect.initiator ? "initiator" : "responder";
  return replaces === undefined
    ? {
        event: "ike.established",
        message: `IKE SA ${ikeSa} with ${remoteId} at ${remote}, as ${role}`,
        ikeSa,
      }
    : { event: "ike.rekeyed", message: `IKE SA ${ikeSa} replaces ${replaces}`, ikeSa };
}

export const ikeSaDownEvent = (effect: Effect<"ike-sa-down"> | Effect<"ike-failed">): NewEvent => ({
  event: effect.kind === "ike-failed" ? "ike.failed" : "ike.down",
  message: effect.reason,
  cause: effect.cause,
});

export function childSaUpEvent({
  childSa,
  spiIn,
  spiOut,
  replaces,
  rekeyed,
}: Effect<"child-sa-up">): NewEvent {
  const instead = replaces === undefined ? "" : `, replaces ${replaces}`;
  const message = `Child SA ${childSa} in ${hex(spiIn)} out ${hex(spiOut)}${instead}`;
  const event = replaces === undefined ? "child.up" : rekeyed ? "child.rekeyed" : "child.replaced";
  return { event, message, childSa };
}

export const childSaDownEvent = (effect: Effect<"child-sa-down">): NewEvent => ({
  event: "child.down",
  message: effect.reason,
  childSa: effect.childSa,
});

/** The names that the cloud's TunnelDiagnosticLog has, or its P2SDiagnosticLog for a client (azure-vpn-gateway §1.6). */
export const tunnelEvent = (up: boolean, client: boolean): NewEvent =>
  client
    ? {
        event: up ? "tunnel.up" : "tunnel.down",
        message: up ? "the client is connected" : "the client is not connected any more",
        operationName: "P2SLogEvent",
      }
    : siteTunnelEvent(up);

const siteTunnelEvent = (up: boolean): NewEvent =>
  up
    ? { event: "tunnel.up", message: "the tunnel carries packets", operationName: "TunnelConnected" }
    : {
        event: "tunnel.down",
        message: "the tunnel carries no packets any more",
        operationName: "TunnelDisconnected",
      };

const hex = (spi: number): string => spi.toString(16).padStart(8, "0");
