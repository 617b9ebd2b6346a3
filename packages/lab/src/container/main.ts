/** Entry of a container: `main.ts role NODE`, `main.ts health NODE`. Run by docker/tandem. */
import { LabError } from "../lab-error.ts";
import { roleHealth } from "./role-health.ts";
import { startRole } from "./start-role.ts";

const [what, node] = process.argv.slice(2);

if (what === "health" && node !== undefined) {
  const reason = await roleHealth(node);
  if (reason !== undefined) process.stdout.write(`${reason}\n`);
  process.exit(reason === undefined ? 0 : 1);
} else if (what === "role" && node !== undefined) {
  try {
    await startRole(node);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    const cure = error.cure === undefined ? "" : `; cure: ${error.cure}`;
    process.stderr.write(`tandem: ${error.message}${cure}\n`);
    process.exit(1);
  }
} else {
  process.stderr.write("usage: role NODE | health NODE\n");
  process.exit(2);
}
