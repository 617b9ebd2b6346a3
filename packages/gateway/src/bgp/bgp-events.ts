/** What BGP did, in the words of the cloud's RouteDiagnosticLog (azure-vpn-gateway §1.6). */
import type { BgpEffect } from "@tandem/bgp";
import type { NewEvent } from "../events/journal.ts";

type Effect<K extends BgpEffect["kind"]> = Extract<BgpEffect, { kind: K }>;

/** Prefixes named in one event: a full table must not become one line. */
const NAMED = 5;

export function bgpRoutesEvent(seat: string, { set, remove }: Effect<"routes-changed">): NewEvent {
  const prefixes = set.map(({ prefix }) => prefix);
  const parts = [naming("set", prefixes), naming("withdrawn", remove)].filter((part) => part !== "");
  return { event: "route.changed", seat, message: parts.join("; "), operationName: "BgpRouteUpdate" };
}

export function bgpStateEvent(seat: string, effect: Effect<"peer-state">): NewEvent {
  const event = {
    event: "bgp.state",
    seat,
    peer: effect.peer,
    state: effect.new,
    message: `${effect.peer}: ${effect.old} to ${effect.new}: ${effect.reason}`,
  };
  if (effect.new === "Established") return { ...event, operationName: "BgpConnectedEvent" };
  return effect.old === "Established" ? { ...event, operationName: "BgpDisconnectedEvent" } : event;
}

function naming(what: string, prefixes: readonly string[]): string {
  if (prefixes.length === 0) return "";
  const more = prefixes.length > NAMED ? ` and ${prefixes.length - NAMED} more` : "";
  return `${prefixes.length} ${what}: ${prefixes.slice(0, NAMED).join(", ")}${more}`;
}
