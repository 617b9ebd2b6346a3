/** What a live change did, node by node. */
import type { AppliedChange } from "@tandem/lab";
import { flag, type Invocation } from "../verb.ts";
import { print, printJson } from "./output.ts";

export function reportChange(changes: readonly AppliedChange[], invocation: Invocation): number {
  if (flag(invocation, "json")) printJson(changes);
  else if (changes.length === 0) print("nothing to change");
  else
    for (const { node, changed } of changes)
      print(`${node}: ${changed.length === 0 ? "unchanged" : changed.join("; ")}`);
  return 0;
}
