/** A change of the configuration, in the words of the cloud's diagnostic logs (azure-vpn-gateway §1.6). */
import type { ConnectionConfig } from "@tandem/contract";
import type { NewEvent } from "../events/journal.ts";
import { type ConfigDifference, describeDifference } from "./difference.ts";

export function configEvents(difference: ConfigDifference): NewEvent[] {
  const changed = describeDifference(difference);
  if (changed.length === 0) return [];
  const { connectionsAdded, connectionsRemoved, connectionsChanged } = difference;
  return [
    { event: "config.applied", message: changed.join("; "), operationName: "SetGatewayConfiguration" },
    ...connectionsAdded.map((connection) => connectionEvent(connection, "added")),
    ...connectionsRemoved.map((connection) => connectionEvent(connection, "removed")),
    ...connectionsChanged.map(({ after }) => connectionEvent(after, "changed")),
    ...connectionsAdded.filter(hasStatic).map((c) => staticRoutesEvent(c, c.staticPrefixes)),
    ...connectionsRemoved.filter(hasStatic).map((c) => staticRoutesEvent(c, [])),
    ...connectionsChanged
      .filter(({ prefixes }) => prefixes)
      .map(({ after }) => staticRoutesEvent(after, after.staticPrefixes)),
  ];
}

const hasStatic = ({ staticPrefixes }: ConnectionConfig): boolean => staticPrefixes.length > 0;

const connectionEvent = ({ name, tunnel, seat }: ConnectionConfig, what: string): NewEvent => ({
  event: "connection.set",
  connection: name,
  seat,
  message: `tunnel ${tunnel} ${what}`,
  operationName: "SetConnectionConfiguration",
});

const staticRoutesEvent = (
  { name, tunnel, seat }: ConnectionConfig,
  prefixes: readonly string[],
): NewEvent => ({
  event: "route.changed",
  connection: name,
  seat,
  message: `static prefixes of ${tunnel}: ${prefixes.join(", ") || "none"}`,
  operationName: "StaticRouteUpdate",
});
