/**
 * Where a lab keeps what must outlive the command that brought it up:
 *
 *      $TANDEM_STATE or ~/.local/state/tandem
 *      └── labs/NAME/              0700
 *          ├── lab.json            what was asked for and how (mode 0600)
 *          ├── inspect.json        the answer of `lab inspect --json`
 *          ├── process-PID.json    one per process that was started, with its start time
 *          ├── config/NODE.json    configuration of each Tandem process (holds keys, 0600), and plan.json
 *          ├── control/NODE.sock   control sockets
 *          ├── log/NODE.log        standard output and error of each process
 *          └── state/              databases, tokens
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LabError } from "./lab-error.ts";

/** Lab names appear in namespace names and file names: a dot would make `LAB.NODE` ambiguous. */
const LAB_NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** `sockaddr_un.sun_path` holds 108 bytes with its terminator (unix(7)). */
const UNIX_PATH_MAX = 107;

export const LAB_INSPECT_FILE = "inspect.json";

export interface StateFolder {
  readonly name: string;
  readonly root: string;
  readonly config: string;
  readonly control: string;
  readonly log: string;
  readonly state: string;
}

export function stateRoot(): string {
  const configured = process.env.TANDEM_STATE;
  if (configured !== undefined && configured !== "") return resolve(configured);
  const base = process.env.XDG_STATE_HOME;
  return join(base !== undefined && base !== "" ? base : join(homedir(), ".local", "state"), "tandem");
}

export function checkLabName(name: string): void {
  if (LAB_NAME.test(name)) return;
  throw new LabError(
    `"${name}" cannot be the name of a lab`,
    "use 1 to 40 lower-case letters, digits and hyphens, for example --name my-lab",
  );
}

export function stateFolder(name: string): StateFolder {
  checkLabName(name);
  const root = join(stateRoot(), "labs", name);
  return {
    name,
    root,
    config: join(root, "config"),
    control: join(root, "control"),
    log: join(root, "log"),
    state: join(root, "state"),
  };
}

/** Makes the folders, empty or not. Refuses a place where control sockets could not be bound. */
export function createStateFolder(folder: StateFolder, longestNode: number): void {
  const longest = Buffer.byteLength(join(folder.control, `${"x".repeat(longestNode)}.sock`));
  if (longest > UNIX_PATH_MAX) {
    throw new LabError(
      `the state folder's path is too long for Unix sockets: ${longest} bytes of at most ${UNIX_PATH_MAX} (${folder.control})`,
      "set TANDEM_STATE to a shorter path, for example TANDEM_STATE=/tmp/tandem",
    );
  }
  for (const path of [folder.root, folder.config, folder.control, folder.log, folder.state]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
}

export function removeStateFolder(folder: StateFolder): void {
  rmSync(folder.root, { recursive: true, force: true });
}

export function listStateFolders(): StateFolder[] {
  const labs = join(stateRoot(), "labs");
  if (!existsSync(labs)) return [];
  return readdirSync(labs, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && LAB_NAME.test(entry.name))
    .map((entry) => stateFolder(entry.name));
}

export function controlSocketPath(folder: StateFolder, name: string): string {
  return join(folder.control, `${name}.sock`);
}

/** Written aside and renamed, so that a reader or a crash never meets half a file. */
export function writeJson(path: string, value: unknown): void {
  const aside = `${path}.${process.pid}.new`;
  writeFileSync(aside, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(aside, path);
}

/** undefined when there is no such file or it is not JSON (a crash of the file system, an editor). */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
