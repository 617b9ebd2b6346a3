/** Every name that Tandem gives an event, against the tables of the cloud's diagnostic logs (azure-vpn-gateway §1.6). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BgpEffect } from "@tandem/bgp";
import { InstanceConfig } from "@tandem/contract";
import { expect, it } from "vitest";
import { bgpRoutesEvent, bgpStateEvent } from "../../src/bgp/bgp-events.ts";
import { configEvents } from "../../src/config/config-events.ts";
import { configDifference } from "../../src/config/difference.ts";
import { tunnelEvent } from "../../src/seat/seat-events.ts";
import { instanceConfig } from "../../src/testing/sample-config.ts";

const DOCUMENTED = {
  GatewayDiagnosticLog: [
    "SetGatewayConfiguration",
    "SetConnectionConfiguration",
    "HostMaintenanceEvent",
    "GatewayTenantPrimaryChanged",
    "MigrateCustomerSubscription",
    "GatewayResourceMove",
    "ValidateGatewayConfiguration",
  ],
  TunnelDiagnosticLog: ["TunnelConnected", "TunnelDisconnected"],
  RouteDiagnosticLog: ["StaticRouteUpdate", "BgpRouteUpdate", "BgpConnectedEvent", "BgpDisconnectedEvent"],
  P2SDiagnosticLog: ["P2SLogEvent"],
};
/** What only the cloud does: its own subscriptions and moves; a configuration that is refused changes nothing here. */
const CLOUD_ONLY = ["MigrateCustomerSubscription", "GatewayResourceMove", "ValidateGatewayConfiguration"];

const PACKAGES = join(import.meta.dirname, "../../..");

it("every documented name is given by some event, and no other is", () => {
  const sources = ["gateway", "supervisor"].flatMap((name) =>
    readdirSync(join(PACKAGES, name, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(PACKAGES, name, "src", file), "utf8")),
  );
  const given = new Set(
    sources.flatMap((text) => [...text.matchAll(/operationName: "(\w+)"/g)].map(([, name]) => name)),
  );
  const expected = Object.values(DOCUMENTED)
    .flat()
    .filter((name) => !CLOUD_ONLY.includes(name));
  expect([...given].sort()).toEqual(expected.sort());
});

it("a tunnel's, a client's", () => {
  expect(tunnelEvent(true, false).operationName).toBe("TunnelConnected");
  expect(tunnelEvent(false, false).operationName).toBe("TunnelDisconnected");
  expect(tunnelEvent(true, true)).toMatchObject({ event: "tunnel.up", operationName: "P2SLogEvent" });
});

it("a session's, and only when it comes or goes", () => {
  const change = (old: string, to: string) =>
    bgpStateEvent("gw/0", { kind: "peer-state", peer: "p", old, new: to, reason: "r" } as Extract<
      BgpEffect,
      { kind: "peer-state" }
    >).operationName;
  expect(change("OpenConfirm", "Established")).toBe("BgpConnectedEvent");
  expect(change("Established", "Idle")).toBe("BgpDisconnectedEvent");
  expect(change("Active", "Connect")).toBeUndefined();
});

it("BGP's routes, a full table in one short line", () => {
  const remove = Array.from({ length: 4_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const { message, operationName } = bgpRoutesEvent("gw/0", { kind: "routes-changed", set: [], remove });
  expect(operationName).toBe("BgpRouteUpdate");
  expect(message).toMatch(/^4000 withdrawn: 10\.0\.0\.0\/24, .* and 3995 more$/);
  expect(message.length).toBeLessThan(200);
});

it("a change of the configuration: the gateway's, each connection's, static routes'", () => {
  const before = InstanceConfig.parse(instanceConfig());
  const [first, ...rest] = before.connections;
  const after = {
    ...before,
    connections: [{ ...first!, staticPrefixes: [...first!.staticPrefixes, "10.99.0.0/16"] }, ...rest],
  };
  const events = configEvents(configDifference(before, after));
  expect(events.map(({ operationName }) => operationName)).toEqual([
    "SetGatewayConfiguration",
    "SetConnectionConfiguration",
    "StaticRouteUpdate",
  ]);
  expect(events[2]?.message).toContain("10.99.0.0/16");
  expect(configEvents(configDifference(before, before))).toEqual([]);
});
