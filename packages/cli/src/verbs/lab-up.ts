/** `lab up`: a topology, laid out, started and ready, in one command. */
import {
  bringUp,
  checkLabName,
  defaultLabName,
  isLabRunning,
  locateLabFile,
  readLabSource,
  stateFolder,
} from "@tandem/lab";
import { print, printJson, progress } from "../render/output.ts";
import { durationValue, flag, JSON_OPTION, oneOf, stringValue, UsageError, type Verb } from "../verb.ts";

const DEFAULT_TOPOLOGY = "dual-redundancy";
const DEFAULT_WAIT_MILLISECONDS = 60_000;

export const verb: Verb = {
  usage: "lab up [TOPOLOGY | FILE.json] [options]",
  about: `Brings a lab up in network namespaces: as root in the machine's own, as anyone else in user namespaces.
The lab stays up until "lab down", unless --watch was asked for: then it goes down with the screen.
TOPOLOGY is the name of a file under lab/ (default: ${DEFAULT_TOPOLOGY}).`,
  options: {
    name: { type: "string", value: "NAME", about: "the lab's name (default: the topology's)" },
    device: {
      type: "string",
      value: "tandem|strongswan",
      about: "what the devices are (default: as the file says)",
    },
    profile: { type: "string", value: "fast|hitless|azure", about: "the clock of a failover" },
    encapsulation: {
      type: "string",
      value: "auto|udp|esp",
      about:
        "ESP in UDP: behind a NAT only (default, as the file says), always (three times faster here), never",
    },
    watch: { type: "boolean", about: "traffic and a live screen until q; then the lab goes down" },
    detach: { type: "boolean", about: "return when the lab is ready (the default without --watch)" },
    timeout: {
      type: "string",
      value: "SECONDS",
      about: "how long to wait for ready (default 60; 0: do not wait)",
    },
    "keep-going": { type: "boolean", about: "leave the lab up when it does not become ready" },
    yes: { type: "boolean", about: "as root: install the Debian packages that peers need" },
    ...JSON_OPTION,
  },
  examples: [
    "./tandem lab up site-to-site",
    "./tandem lab up active-active --name second --profile hitless",
    "sudo ./tandem lab up site-to-site --device strongswan --yes",
  ],
  async run(invocation) {
    if (invocation.positionals.length > 1) throw new UsageError("one topology at a time");
    const path = locateLabFile(invocation.positionals[0] ?? DEFAULT_TOPOLOGY);
    const name = stringValue(invocation, "name") ?? defaultLabName(path);
    checkLabName(name);
    const folder = stateFolder(name);
    const watch = flag(invocation, "watch") && !flag(invocation, "detach");
    if (watch && isLabRunning(folder)) {
      progress(`lab "${name}" is up already; it stays up when the screen is closed`);
      const { watchLab } = await import("../watch/watch-lab.ts");
      return await watchLab(folder, { takeDown: false });
    }
    const profile = oneOf(invocation, "profile", ["fast", "hitless", "azure"]);
    const deviceKind = oneOf(invocation, "device", ["tandem", "strongswan"]);
    const encapsulation = oneOf(invocation, "encapsulation", ["auto", "udp", "esp"]);
    const source = readLabSource(path, folder.root, {
      name,
      ...(encapsulation === undefined ? {} : { encapsulation }),
      ...(profile === undefined ? {} : { profile }),
      ...(deviceKind === undefined ? {} : { deviceKind }),
    });
    const interrupt = new AbortController();
    const onSignal = (): void => interrupt.abort();
    process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
    const result = await bringUp(folder, source, {
      onStep: progress,
      waitMilliseconds: durationValue(invocation, "timeout", DEFAULT_WAIT_MILLISECONDS),
      keepGoing: flag(invocation, "keep-going"),
      mayInstall: flag(invocation, "yes") || (process.env.CI ?? "") !== "",
      signal: interrupt.signal,
    });
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    const seconds = (result.milliseconds / 1000).toFixed(1);
    const ready = result.status?.ready !== false;
    progress(ready ? `lab "${name}" is up (${seconds} s)` : `lab "${name}" is up, but not ready`);
    if (watch) {
      const { watchLab } = await import("../watch/watch-lab.ts");
      return await watchLab(folder, { takeDown: true });
    }
    if (flag(invocation, "json"))
      printJson({
        lab: name,
        topology: result.plan.topology,
        milliseconds: result.milliseconds,
        status: result.status ?? null,
      });
    else if (result.status !== undefined) {
      const { renderStatus } = await import("../render/lab-status.ts");
      print(renderStatus(name, result.status));
      const probe = result.plan.probes[0];
      if (probe?.destination !== undefined) {
        print(`\nTry:  ./tandem lab exec ${probe.from} ping -c 3 ${probe.destination}`);
      }
    }
    return ready ? 0 : 1;
  },
};
