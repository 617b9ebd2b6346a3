import type { z } from "zod";
import type { Finding } from "./finding.ts";

/** A schema's complaints in the words of findings. Values under a `sharedKey` are left out. */
export function findingsFromZod(error: z.ZodError, root: unknown): Finding[] {
  return error.issues.map((issue) => {
    const inner = issue.path.filter((p): p is string | number => typeof p !== "symbol");
    // An unknown key is complained about in the object that holds it: point at the key itself.
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
    const path = [...inner, ...unknown];
    const secret = path.some((p) => p === "sharedKey");
    const value = secret ? undefined : valueAt(root, path);
    return {
      path,
      code: "InvalidRequestFormat",
      message: issue.message,
      ...(value === undefined || typeof value === "object" ? {} : { value }),
      accepted: acceptedBy(issue),
    };
  });
}

function acceptedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `a value of type ${issue.expected}`;
    case "invalid_value":
      return `one of ${issue.values.map((v) => JSON.stringify(v)).join(", ")}`;
    case "unrecognized_keys":
      return `without ${issue.keys.map((k) => JSON.stringify(k)).join(", ")}; see lab/schema.json for the keys`;
    case "too_small":
      return `at least ${issue.minimum}`;
    case "too_big":
      return `at most ${issue.maximum}`;
    default:
      return "see lab/schema.json";
  }
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}
