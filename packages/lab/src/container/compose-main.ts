/**
 * Writes the Compose files: dual redundancy at the root, every other topology under docker/.
 * `node packages/lab/src/container/compose-main.ts`; a test compares the committed files with what this makes.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { listTopologies, locateLabFile, readLabSource } from "../lab-source.ts";
import { REPOSITORY } from "../repository.ts";
import { composeFile } from "./compose-file.ts";

/** One tunnel, which is what strongSwan's userspace ESP can hold. */
const STRONGSWAN_TOPOLOGY = "active-standby";
const DEFAULT_TOPOLOGY = "dual-redundancy";

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
  const { plan } = readLabSource(locateLabFile(STRONGSWAN_TOPOLOGY), "/run/tandem", {
    deviceKind: "strongswan",
  });
  const text = composeFile(plan, { context: "..", deviceKind: "strongswan" });
  return [...files, { path: `docker/${STRONGSWAN_TOPOLOGY}-strongswan.yml`, text }];
}

if (import.meta.main) {
  for (const { path, text } of composeFiles()) {
    writeFileSync(join(REPOSITORY, path), text);
    process.stdout.write(`${path}\n`);
  }
}
