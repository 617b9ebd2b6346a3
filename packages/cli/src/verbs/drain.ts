/** `drain`: traffic leaves an instance or seat before its maintenance, without loss where there is another way. */
import { findLab, supervisorOf } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { flag, JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";
import { messageOf } from "./failover.ts";

export const verb: Verb = {
  usage: "drain INSTANCE | SEAT [--off]",
  about:
    "Moves flows away from an instance or seat: new and old flows first, then routes are withdrawn; SAs stay open.",
  options: {
    ...NAME_OPTION,
    off: { type: "boolean", about: "end the drain" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const target = requiredPositional(invocation, 0, "the instance or seat");
    const off = flag(invocation, "off");
    const answer = await supervisorOf(folder).call("drain", { target, off });
    if (flag(invocation, "json")) printJson(answer);
    else print(messageOf(answer) ?? (off ? `${target} takes traffic again` : `${target} is drained`));
    return 0;
  },
};
