/** The supervisor as seen from the command line. */
import { LabError } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";
import { callControl } from "./control-client.ts";

export interface SupervisorCalls {
  call(method: string, params: unknown, timeoutMilliseconds?: number): Promise<unknown>;
}

/** A failover in `azure` takes its documented minutes, and the answer comes when it is over. */
const FAILOVER_MILLISECONDS = 300_000;

/** Throws when the lab has none, or it does not run: what only it can do is then refused, with the cure. */
export function supervisorOf(folder: StateFolder): SupervisorCalls {
  const node = readPlan(folder).nodes.find((one) => one.kind === "supervisor");
  if (node === undefined) throw new LabError(`lab "${folder.name}" has no supervisor`);
  return {
    async call(method, params, timeoutMilliseconds = FAILOVER_MILLISECONDS) {
      try {
        return await callControl(node.config.controlSocket, method, params, timeoutMilliseconds);
      } catch (error) {
        if (error instanceof Error && "cause" in error) {
          throw new LabError("the supervisor does not run", `./tandem restore ${node.name}`);
        }
        throw error;
      }
    },
  };
}
