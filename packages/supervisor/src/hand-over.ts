/**
 * The fabric's change of a seat that goes from one living instance to the other: no packet is lost on the way
 * (packages/gateway/src/replication/handover.ts draws it). Every step but the change itself may fail: then packets may
 * be lost, and nothing else.
 */
import type { SetOwner } from "@tandem/contract";

type Call = (method: string, params: unknown, milliseconds: number) => Promise<unknown>;

export interface HandOverParts {
  readonly fabric: Call;
  readonly from: Call;
  readonly to: Call;
  /** What went wrong with a step that may fail. */
  readonly warn: (step: string, error: unknown) => void;
}

/** A quiet step takes a few milliseconds; a stopped process must not hold the others up. */
const LONGEST_STEP = 200;
const LONGEST_CHANGE = 5000;

/** Resolves with the fabric's answer; rejects when the fabric did not change. */
export async function handOver(
  change: SetOwner & { readonly owner: string },
  parts: HandOverParts,
): Promise<unknown> {
  const { seat, owner } = change;
  const step = (name: string, work: Promise<unknown>): Promise<unknown> =>
    work.catch((error: unknown) => parts.warn(name, error));
  await step("prepare-owner", parts.fabric("prepare-owner", { seat, owner }, LONGEST_STEP));
  await step("seat-quiesce", parts.from("seat-quiesce", { seat }, LONGEST_STEP));
  try {
    const answer = await parts.fabric("set-owner", change, LONGEST_CHANGE);
    await step("seat-quiesce", parts.from("seat-quiesce", { seat, final: true }, LONGEST_STEP));
    return answer;
  } catch (error) {
    await step("seat-quiesce", parts.from("seat-quiesce", { seat, off: true }, LONGEST_STEP));
    throw error;
  } finally {
    await step("seat-release", parts.to("seat-release", { seat }, LONGEST_STEP));
  }
}
