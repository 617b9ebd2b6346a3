/** `lab watch`: the live screen on a lab that is up already. */
import { findLab } from "@tandem/lab";
import { durationValue, NAME_OPTION, stringValue, type Verb } from "../verb.ts";
import { watchLab } from "../watch/watch-lab.ts";

export const verb: Verb = {
  usage: "lab watch [--name NAME] [--for SECONDS]",
  about: `Sends probe traffic between the lab's hosts and shows tunnels, rates, flows and losses until q.
Keys: tab chooses an instance or device; k kills it, p pauses it, d drains it, r restores it.`,
  options: {
    ...NAME_OPTION,
    for: { type: "string", value: "SECONDS", about: "end by itself after so long" },
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name") ?? invocation.positionals[0]);
    const milliseconds = durationValue(invocation, "for", 0);
    return await watchLab(folder, { takeDown: false, ...(milliseconds === 0 ? {} : { milliseconds }) });
  },
};
