/**
 * Commands as an ordinary user, whoever runs the tests: nobody, with a home and a PATH of its own, and a /dev/net/tun
 * as distributions ship it (0666) or as some machines have it. The device is made in a mount namespace of the command's
 * own: the machine's is not touched.
 */
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NOBODY = 65_534;

/** Root of the machine, and not of a user namespace, in which no other user exists. */
export const isRealRoot: boolean =
  process.getuid?.() === 0 && /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1"));

export interface OrdinaryUser {
  readonly folder: string;
  /** Words to put in front of a command. */
  readonly prefix: readonly string[];
}

export type TunDevice = "usable" | "forbidden" | "missing";

const DEVICE: Readonly<Record<TunDevice, string>> = {
  usable: "mknod -m 0666 /dev/net/tun c 10 200",
  forbidden: "mknod -m 0600 /dev/net/tun c 10 200",
  missing: "true",
};

/** The same Node that runs the tests, where everybody can reach it: root's home is closed to others. */
export function ordinaryUser(device: TunDevice): OrdinaryUser {
  const folder = mkdtempSync(join(tmpdir(), "tandem-user-"));
  mkdirSync(join(folder, "bin"));
  copyFileSync(process.execPath, join(folder, "bin/node"));
  chmodSync(join(folder, "bin/node"), 0o755);
  chmodSync(folder, 0o755);
  const environment = [
    "env",
    `HOME=${folder}`,
    `TMPDIR=${folder}`,
    `TANDEM_STATE=${folder}/state`,
    `PATH=${folder}/bin:/usr/local/bin:/usr/bin:/bin`,
  ];
  if (!isRealRoot) return { folder, prefix: environment };
  chownSync(folder, NOBODY, NOBODY);
  const ids = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
  return {
    folder,
    prefix: [
      ...inMountNamespace(`mount -t tmpfs tmpfs /dev/net && ${DEVICE[device]}`),
      "setpriv",
      ...ids,
      ...environment,
    ],
  };
}

/** Words in front of a command that is to run after `script`, in a mount namespace of its own. */
export function inMountNamespace(script: string): string[] {
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", `${script} && exec "$@"`, "sh"];
}
