/** What BGP did, in the words of the cloud's RouteDiagnosticLog (azure-vpn-gateway §1.6). */
import type { BgpEffect } from "@tandem/bgp";
import type { NewEvent } from "../events/journal.ts";

type Effect<K extends BgpEffect["kind"]> = Extract<BgpEffect, { kind: K }>;

/** Prefixes named in one event: a full table must not become one line. */
const NAMED = 5;

export function bgpRoutesEvent(seat: string, { set, remove }: Effect<"routes-changed">): NewEvent {
  const parts = [
    ...(set.length > 0
      ? [
          naming(
            "set",
            set.map(({ prefix }) => prefix),
          ),
        ]
      : []),
    ...(remove.length > 0 ? [naming("withdrawn", remove)] : []),
  ];
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
  const more = prefixes.length > NAMED ? ` and ${prefixes.length - NAMED} more` : "";
  return `${prefixes.length} ${what}: ${prefixes.slice(0, NAMED).join(", ")}${more}`;
}
