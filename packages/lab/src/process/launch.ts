/** Starts a long-running process of a lab: detached, inside its namespace, its output in a log file. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { LabError } from "../lab-error.ts";
import { type ProcessRecord, recordProcess } from "../lab-record.ts";
import type { Realm } from "../netns/realm.ts";
import type { StateFolder } from "../state-folder.ts";
import { LAB_MARK } from "./find-process.ts";
import { identify } from "./process-identity.ts";
import { withSystemPath } from "./run-command.ts";

export interface Launch {
  readonly node: string;
  readonly role: string;
  readonly netns: string;
  readonly argv: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * nsenter and `ip netns exec` replace themselves by the program, so the pid is the program's own. It leads a session
 * of its own: a Ctrl-C at the terminal does not reach it.
 */
export async function launch(realm: Realm, folder: StateFolder, what: Launch): Promise<ProcessRecord> {
  const [program, ...args] = [...realm.enterNamespace(what.netns), ...what.argv];
  if (program === undefined) throw new TypeError("an empty command");
  const log = openSync(what.logFile, "a", 0o600);
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: "/",
      env: withSystemPath({
        NODE_COMPILE_CACHE: compileCacheFolder(),
        ...process.env,
        ...what.env,
        [LAB_MARK]: folder.root,
      }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) =>
        reject(new LabError(`cannot start ${what.role} of ${what.node}: ${error.message}`)),
      );
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) {
      throw new LabError(`${what.role} of ${what.node} ended at once`, `see ${what.logFile}`);
    }
    const record: ProcessRecord = { node: what.node, role: what.role, identity };
    recordProcess(folder, record);
    return record;
  } finally {
    closeSync(log);
  }
}

/** Node keeps what it made of the sources there: a process that starts again does so in half the time. */
function compileCacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(
    base !== undefined && base !== "" ? base : join(homedir(), ".cache"),
    "tandem",
    "compile-cache",
  );
}
