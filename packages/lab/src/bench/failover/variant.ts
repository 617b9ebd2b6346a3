/** The lab file of a scenario: the topology's own, with other timers where the scenario wants them. */
import { readFileSync } from "node:fs";
import { compileLabText, type LabSource, locateLabFile } from "../../lab-source.ts";
import type { Scenario } from "./scenarios.ts";

/** The shortest that a connection takes (9 s, azure-vpn-gateway §4), and the shortest that BGP does (RFC 4271 §4.2). */
const QUICKEST = { dpdTimeoutSeconds: 9, bgpHoldSeconds: 3, bgpKeepaliveSeconds: 1 } as const;

interface LabText {
  tandem: { devices: object[]; options?: object };
}

export function labOf(scenario: Scenario, runDirectory: string, name: string): LabSource {
  const path = locateLabFile(scenario.topology);
  const file = JSON.parse(readFileSync(path, "utf8")) as LabText;
  if (scenario.timers === "quickest") {
    for (const device of file.tandem.devices) Object.assign(device, QUICKEST);
    // The cloud's timers are fixed; a device with shorter ones needs a gateway that lets the smaller offer win.
    file.tandem.options = { ...file.tandem.options, bgpFixedTimers: false };
  }
  return compileLabText(path, JSON.stringify(file), runDirectory, {
    name,
    profile: scenario.profile,
    ...(scenario.device === "tandem" ? {} : { deviceKind: scenario.device }),
  });
}
