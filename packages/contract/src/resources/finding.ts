/** One thing that is wrong in a lab file. The lab maps `path` to file, line and column. */
export interface Finding {
  /** Keys and indexes from the top of the file: ["connections", 0, "properties", "sharedKey"]. */
  readonly path: readonly (string | number)[];
  /** The cloud's error code where one is known, else a name of ours. */
  readonly code: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** The value found; never a secret. */
  readonly value?: unknown;
  /** What would be accepted. */
  readonly accepted: string;
}

/** For messages without positions: `connections[0].properties.sharedKey`. */
export function formatPath(path: Finding["path"]): string {
  return path.map((p, i) => (typeof p === "number" ? `[${p}]` : i === 0 ? p : `.${p}`)).join("");
}
