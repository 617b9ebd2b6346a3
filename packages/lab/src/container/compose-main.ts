/**
 * Writes the Compose files: dual redundancy at the root, every other topology under docker/.
 * `node packages/lab/src/container/compose-main.ts`; a test compares the committed files with what this makes.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { listTopologies, locateLabFile, readLabSource } from "../lab-source.ts";
import { REPOSITORY } from "../repository.ts";
import { composeFile } from "./compose-file.ts";
import type { DeviceRouter } from "./role-needs.ts";

const DEFAULT_TOPOLOGY = "dual-redundancy";

/** With strongSwan devices. Of one tunnel, charon and BIRD share a container; of several, each charon has its own. */
const THIRD_PARTY: readonly {
  readonly topology: string;
  readonly routers: Readonly<Record<string, DeviceRouter>>;
}[] = [
  { topology: "active-standby", routers: {} },
  { topology: "dual-redundancy", routers: { device1: "bird", device2: "frr" } },
];

/** Path in the repository and text of each. */
export function composeFiles(): { readonly path: string; readonly text: string }[] {
  const files = listTopologies().map((topology) => {
    const atRoot = topology === DEFAULT_TOPOLOGY;
    const { plan } = readLabSource(locateLabFile(topology), "/run/tandem");
    return {
      path: atRoot ? "docker-compose.yml" : `docker/${topology}.yml`,
      text: composeFile(plan, { context: atRoot ? "." : ".." }),
    };
  });
  const thirdParty = THIRD_PARTY.map(({ topology, routers }) => {
    const { plan } = readLabSource(locateLabFile(topology), "/run/tandem", { deviceKind: "strongswan" });
    const text = composeFile(plan, { context: "..", deviceKind: "strongswan", routers });
    return { path: `docker/${topology}-strongswan.yml`, text };
  });
  return [...files, ...thirdParty];
}

if (import.meta.main) {
  for (const { path, text } of composeFiles()) {
    writeFileSync(join(REPOSITORY, path), text);
    process.stdout.write(`${path}\n`);
  }
}
