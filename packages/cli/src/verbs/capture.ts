/** `capture`: inner and outer packets of one process as pcapng, with what Wireshark needs to decrypt them. */
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CaptureResult } from "@tandem/contract";
import { callControl, findLab, LabError, labProcess } from "@tandem/lab";
import { print, printJson, progress } from "../render/output.ts";
import {
  durationValue,
  flag,
  JSON_OPTION,
  NAME_OPTION,
  requiredPositional,
  stringValue,
  type Verb,
} from "../verb.ts";

export const verb: Verb = {
  usage: "capture NODE [--out FILE.pcapng] [--for SECONDS]",
  about: `Writes the packets of an instance or Tandem device, inside and outside the tunnel, with the keys that decrypt
them and a Wireshark profile beside the file. Runs until Ctrl-C, or for the given time, or in the background with
--start and --stop. The key files are as secret as the tunnel is.`,
  options: {
    ...NAME_OPTION,
    out: { type: "string", value: "FILE", about: "default: NODE.pcapng here" },
    for: { type: "string", value: "SECONDS", about: "end by itself after so long" },
    start: { type: "boolean", about: "start and return" },
    stop: { type: "boolean", about: "end what --start began" },
    ...JSON_OPTION,
  },
  examples: [
    "./tandem capture gw/IN_0 --for 10",
    "XDG_CONFIG_HOME=gw-IN_0.pcapng.keys tshark -C tandem -r gw-IN_0.pcapng",
  ],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = requiredPositional(invocation, 0, "the node");
    const { controlSocket } = labProcess(folder, node);
    const path = resolve(stringValue(invocation, "out") ?? `${node.replaceAll("/", "-")}.pcapng`);
    const json = flag(invocation, "json");
    const ask = async (params: object): Promise<CaptureResult> => {
      const answer = CaptureResult.safeParse(await callControl(controlSocket, "capture", params));
      if (!answer.success)
        throw new LabError(`${node} answered with something that is not a capture's result`);
      return answer.data;
    };
    if (flag(invocation, "stop")) return report(await ask({ on: false }), json);
    const started = await ask({ on: true, path });
    if (flag(invocation, "start")) return report(started, json);
    const milliseconds = durationValue(invocation, "for", 0);
    progress(`capturing into ${path}${milliseconds === 0 ? " until Ctrl-C" : ""}`);
    await untilEnd(milliseconds);
    return report(await ask({ on: false }), json);
  },
};

async function untilEnd(milliseconds: number): Promise<void> {
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const longest = 2 ** 31 - 1;
  await delay(milliseconds === 0 ? longest : milliseconds, undefined, { signal: end.signal }).catch(() => {});
  process.off("SIGINT", stop).off("SIGTERM", stop);
}

function report(result: CaptureResult, json: boolean): number {
  if (json) printJson(result);
  else {
    print(`${result.packets} packets in ${result.file}
decrypt with:  XDG_CONFIG_HOME=${result.config} tshark -C ${result.profile} -r ${result.file}`);
  }
  return 0;
}
