/** Entry of a container: `main.ts NODE`. Run by docker/tandem. */
import { LabError } from "../lab-error.ts";
import { startRole } from "./start-role.ts";

const node = process.argv[2];
if (node === undefined) {
  process.stderr.write("usage: container NODE\n");
  process.exit(2);
}
try {
  await startRole(node);
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  const cure = error.cure === undefined ? "" : `; cure: ${error.cure}`;
  process.stderr.write(`tandem: ${error.message}${cure}\n`);
  process.exit(1);
}
