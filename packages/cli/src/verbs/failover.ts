/** `failover planned|unplanned`: what the cloud does for maintenance and at a failure, on demand. */
import { findLab, supervisorOf } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import {
  flag,
  JSON_OPTION,
  NAME_OPTION,
  requiredPositional,
  stringValue,
  UsageError,
  type Verb,
} from "../verb.ts";

export const verb: Verb = {
  usage: "failover planned|unplanned [INSTANCE | SEAT]",
  about: `Moves the seats of an instance (default: the active one) to its partner. "planned" drains first, "unplanned"
ends the process. Refused when the partner is not healthy, unless forced. Returns when the failover is over.`,
  mostWords: 2,
  options: {
    ...NAME_OPTION,
    force: { type: "boolean", about: "even when the partner is not healthy" },
    ...JSON_OPTION,
  },
  examples: ["./tandem failover planned gw/IN_0", "./tandem failover unplanned gw/0"],
  async run(invocation) {
    const kind = requiredPositional(invocation, 0, "planned or unplanned");
    if (kind !== "planned" && kind !== "unplanned")
      throw new UsageError(`${kind}: planned or unplanned is expected`);
    const { folder } = findLab(stringValue(invocation, "name"));
    const target = invocation.positionals[1];
    const answer = await supervisorOf(folder).call("failover", {
      planned: kind === "planned",
      ...(target === undefined ? {} : { target }),
      force: flag(invocation, "force"),
    });
    if (flag(invocation, "json")) printJson(answer);
    else print(messageOf(answer) ?? `${kind} failover done`);
    return 0;
  },
};

export function messageOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("message" in answer)) return undefined;
  return String(answer.message);
}
