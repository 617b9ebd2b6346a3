import { z } from "zod";
import { LabFile } from "./lab-file.ts";

/** The published JSON schema of lab files: `lab/schema.json` is this, and a test keeps it so. */
export function labJsonSchema(): Record<string, unknown> {
  return {
    title: "Tandem lab file",
    ...z.toJSONSchema(LabFile, { io: "input" }),
  };
}
