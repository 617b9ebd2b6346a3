/** `lab inspect --json` and `bench X --json`: the other two fixed shapes. */
import { z } from "zod";

export const NodeKind = z.enum(["host", "instance", "fabric", "device", "router", "supervisor"]);

export const LabInspect = z.object({
  lab: z.string(),
  topology: z.string(),
  nodes: z.array(
    z.object({
      name: z.string(),
      kind: NodeKind,
      netns: z.string(),
      pid: z.number().nullable(),
      addresses: z.record(z.string(), z.string()),
    }),
  ),
});

export const BenchResult = z.object({
  bench: z.string(),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  rows: z.array(
    z.object({
      work: z.string(),
      subject: z.string(),
      unit: z.string(),
      runs: z.number(),
      min: z.number(),
      median: z.number(),
      max: z.number(),
    }),
  ),
  ratios: z.array(
    z.object({ work: z.string(), subject: z.string(), against: z.string(), ratio: z.number() }),
  ),
});

export type NodeKind = z.infer<typeof NodeKind>;
export type LabInspect = z.infer<typeof LabInspect>;
export type BenchResult = z.infer<typeof BenchResult>;
