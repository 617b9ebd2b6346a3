/** The processes of a lab that have a control socket, and questions to several of them. */
import type { LabPlan, NodeKind, PlanNode } from "@tandem/contract";
import { LabError, reasonOf } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";
import { callControl } from "./control-client.ts";

export interface LabProcess {
  readonly node: string;
  readonly kind: NodeKind;
  readonly controlSocket: string;
}

export interface Answer {
  readonly node: string;
  readonly result: unknown;
  /** Why there is no result. */
  readonly reason: string | undefined;
}

export function labProcesses(folder: StateFolder, kinds?: readonly NodeKind[]): LabProcess[] {
  return readPlan(folder)
    .nodes.filter((node) => kinds === undefined || kinds.includes(node.kind))
    .flatMap((node) => {
      const controlSocket = controlSocketOf(node);
      return controlSocket === undefined ? [] : [{ node: node.name, kind: node.kind, controlSocket }];
    });
}

/** Throws with the nodes there are when it is none of them. */
export function labProcess(folder: StateFolder, name: string): LabProcess {
  const found = labProcesses(folder).find(({ node }) => node === name);
  if (found !== undefined) return found;
  throw unknownNode(readPlan(folder), name);
}

export function unknownNode(plan: LabPlan, name: string): LabError {
  const node = plan.nodes.find((one) => one.name === name);
  const names = plan.nodes.map((one) => one.name).join(", ");
  return node === undefined
    ? new LabError(`lab "${plan.lab}" has no node "${name}"`, `nodes: ${names}`)
    : new LabError(
        `${name} is a ${node.kind} without a Tandem process`,
        "choose an instance or a Tandem device",
      );
}

/** Asks all at once; one that does not answer has a reason instead of a result. */
export function askAll(
  processes: readonly LabProcess[],
  method: string,
  params?: unknown,
  timeoutMilliseconds = 2_000,
): Promise<Answer[]> {
  return Promise.all(
    processes.map(async ({ node, controlSocket }): Promise<Answer> => {
      try {
        return {
          node,
          result: await callControl(controlSocket, method, params, timeoutMilliseconds),
          reason: undefined,
        };
      } catch (error) {
        return { node, result: undefined, reason: reasonOf(error) };
      }
    }),
  );
}

function controlSocketOf(node: PlanNode): string | undefined {
  if (node.kind === "host") return undefined;
  if (node.kind === "device" && node.software !== "tandem") return undefined;
  return node.config.controlSocket;
}
