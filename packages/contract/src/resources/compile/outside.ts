/** The way to real devices: an interface of the fabric on a network of the machine, where it answers for every seat's public IP. */
import { familyOf, hostNetwork } from "../ip-network.ts";
import type { PlanExternalDevice, PlanOutside } from "../plan.ts";
import { siteOf, sitePrefixes } from "../resolve.ts";
import { ANY, type Draft } from "./draft.ts";
import type { CompiledGateway } from "./gateways.ts";
import { deviceConfig } from "./sites.ts";

/** At most 15 characters; the fabric's other edges are called devN. */
const INTERFACE = "edge0";

export function addOutside(draft: Draft, gateways: readonly CompiledGateway[]): PlanOutside | undefined {
  const { outside, devices } = draft.file.tandem;
  if (outside === undefined) return undefined;
  const external = devices.filter(({ kind }) => kind === "external").map((d) => d.publicIpAddress);
  const { nextHop } = outside;
  const destinations = external.map(hostNetwork);
  if (nextHop !== undefined) destinations.push(...ANY.filter((any) => familyOf(any) === familyOf(nextHop)));
  for (const prefix of destinations) {
    const via = nextHop !== undefined && familyOf(nextHop) === familyOf(prefix) ? { via: nextHop } : {};
    draft.fabric.routes.push({ prefix, ...via, interface: INTERFACE });
  }
  draft.fabricEdges.push(INTERFACE);
  return {
    node: "fabric",
    interface: INTERFACE,
    parent: outside.interface,
    addresses: outside.address === undefined ? [] : [outside.address],
    answersFor: gateways.flatMap((g) => g.seats.flatMap((s) => s.publicIps)),
  };
}

export const externalDevices = (draft: Draft): PlanExternalDevice[] =>
  draft.file.tandem.devices
    .filter(({ kind }) => kind === "external")
    .map((device) => ({
      name: device.name,
      config: deviceConfig(draft, device, sitePrefixes(draft.file, siteOf(device))),
    }));
