/** The end of a program in a container: what is wrong in one line with its cure, and the exit status. */
import { LabError } from "../lab-error.ts";

export async function endWithReason(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    const cure = error.cure === undefined ? "" : `; cure: ${error.cure}`;
    process.stderr.write(`tandem: ${error.message}${cure}\n`);
    process.exitCode = 1;
  }
}
