/** `lab wait`: blocks until everything that the topology promises is up. */
import { findLab, waitUntilReady } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { durationValue, flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "lab wait [--timeout SECONDS]",
  about:
    "Waits until every tunnel and every BGP session of the lab is up and a ping gets across. Exit status 1 when the time runs out.",
  options: {
    ...NAME_OPTION,
    timeout: { type: "string", value: "SECONDS", about: "default 60" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name") ?? invocation.positionals[0]);
    const timeout = durationValue(invocation, "timeout", 60_000);
    const status = await waitUntilReady(folder, timeout);
    if (flag(invocation, "json")) printJson(status);
    else if (status.ready) print("ready");
    else process.stderr.write(`not ready after ${timeout / 1000} s:\n  ${status.reasons.join("\n  ")}\n`);
    return status.ready ? 0 : 1;
  },
};
