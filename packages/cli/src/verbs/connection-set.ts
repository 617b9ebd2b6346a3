/** `connection set`. */
import { applySource, type ConnectionChange, changeConnection, findLab } from "@tandem/lab";
import { reportChange } from "../render/applied-change.ts";
import { JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, UsageError, type Verb } from "../verb.ts";
import { readJsonFile } from "./connection-add.ts";

export const verb: Verb = {
  usage: "connection set CONNECTION [--psk-file FILE] [--policy FILE.json|default] [--prefixes A,B] ...",
  about: "Changes a connection of a running lab at both ends. Only what changed is touched.",
  options: {
    ...NAME_OPTION,
    psk: {
      type: "string",
      value: "KEY",
      about: "the shared key (visible to other users in the process list)",
    },
    "psk-file": {
      type: "string",
      value: "FILE",
      about: 'the shared key out of a file ("-": standard input)',
    },
    policy: {
      type: "string",
      value: "FILE.json|default",
      about: "an IpsecPolicy in the cloud's shape, or the cloud's defaults",
    },
    prefixes: { type: "string", value: "A,B", about: "address prefixes of the local network gateway" },
    mode: {
      type: "string",
      value: "Default|InitiatorOnly|ResponderOnly",
      about: "the gateway's connection mode",
    },
    dpd: { type: "string", value: "SECONDS", about: "dead peer detection timeout, 9 to 3600" },
    ...JSON_OPTION,
  },
  examples: [
    "./tandem connection set onprem --prefixes 10.51.0.0/16",
    "./tandem connection set onprem --policy gcm.json",
  ],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const name = requiredPositional(invocation, 0, "the connection");
    const policy = stringValue(invocation, "policy");
    const prefixes = stringValue(invocation, "prefixes");
    const mode = stringValue(invocation, "mode");
    const dpd = stringValue(invocation, "dpd");
    const key = await sharedKey(stringValue(invocation, "psk"), stringValue(invocation, "psk-file"));
    const change: ConnectionChange = {
      ...(key === undefined ? {} : { sharedKey: key }),
      ...(policy === undefined
        ? {}
        : { ipsecPolicy: policy === "default" ? null : (readJsonFile(policy) as Record<string, unknown>) }),
      ...(prefixes === undefined ? {} : { prefixes: prefixes.split(",").filter((one) => one !== "") }),
      ...(mode === undefined ? {} : { connectionMode: mode }),
      ...(dpd === undefined ? {} : { dpdTimeoutSeconds: Number(dpd) }),
    };
    if (Object.keys(change).length === 0) throw new UsageError("nothing to set");
    return reportChange(
      await applySource(folder, (file) => changeConnection(file, name, change)),
      invocation,
    );
  },
};

async function sharedKey(given: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return given;
  const { readFileSync } = await import("node:fs");
  return readFileSync(file === "-" ? 0 : file, "utf8").replace(/\r?\n$/, "");
}
