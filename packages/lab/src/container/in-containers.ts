/**
 * A lab in containers is Docker's: nothing here can make, end, pause or rewire a container. What cannot be done is refused
 * with the Docker command that does it.
 */
import type { PlanNode } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { readLabRecord } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";
import { serviceName } from "./container-network.ts";

/** Compose gives it to every container of a lab. */
const TOPOLOGY_VARIABLE = "TANDEM_TOPOLOGY";

export const isContainer = (): boolean => (process.env[TOPOLOGY_VARIABLE] ?? "") !== "";

export const inContainers = (folder: StateFolder): boolean =>
  readLabRecord(folder)?.realm.kind === "containers";

/** Throws when the lab is one in containers. `cure` is given the Compose service of `node`. */
export function refuseInContainers(
  folder: StateFolder,
  node: PlanNode["name"],
  what: string,
  cure: (service: string, container: string) => string,
): void {
  if (!inContainers(folder)) return;
  const service = serviceName(node);
  throw new LabError(
    `${what}: "${folder.name}" runs in containers, which are Docker's to handle`,
    cure(service, `$(docker compose ps -q ${service})`),
  );
}
