/**
 * The realm of a lab: where its named network namespaces live and how a command gets into one.
 *
 *      root      /run/netns of the machine; `ip netns exec LAB.NODE` works from any root shell
 *      rootless  a holder process in a user and a mount namespace of its own, with a tmpfs on /run, so that `ip netns`
 *                works in there; a command enters with nsenter. When the holder dies, the kernel frees all of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { LabError, reasonOf } from "../lab-error.ts";
import { LAB_MARK } from "../process/find-process.ts";
import { identify, isAlive, type ProcessIdentity } from "../process/process-identity.ts";
import { runCommand, withSystemPath } from "../process/run-command.ts";
import type { StateFolder } from "../state-folder.ts";
import { checkUserNamespaces, type RealmKind } from "./privileges.ts";

/** What lab.json remembers. */
export interface RealmRecord {
  readonly kind: RealmKind;
  readonly holder?: ProcessIdentity;
}

/** In the tmpfs the machine's own /run must not be missed by resolvers and the like; nothing of it is needed. */
const HOLDER_SCRIPT =
  "mount -t tmpfs -o mode=0755 tandem /run && mkdir -p /run/netns && ip link set lo up && echo ready && exec sleep infinity";

export class Realm {
  readonly kind: RealmKind;
  readonly holder: ProcessIdentity | undefined;

  constructor(record: RealmRecord) {
    this.kind = record.kind;
    this.holder = record.holder;
  }

  get record(): RealmRecord {
    return this.holder === undefined ? { kind: this.kind } : { kind: this.kind, holder: this.holder };
  }

  /** Whether namespaces made in it can still be there. */
  isAlive(): boolean {
    return this.holder === undefined || isAlive(this.holder);
  }

  /** The words to put in front of a command that is to run in the realm. */
  enter(): string[] {
    if (this.holder === undefined) return [];
    const target = String(this.holder.pid);
    return ["nsenter", "--target", target, "--user", "--mount", "--net", "--preserve-credentials", "--wd=/"];
  }

  /** The words to put in front of a command that is to run in one of its network namespaces. */
  enterNamespace(netns: string): string[] {
    return [...this.enter(), "ip", "netns", "exec", netns];
  }

  run(argv: readonly string[], input?: string): Promise<string> {
    return runCommand([...this.enter(), ...argv], input === undefined ? {} : { input });
  }

  async namespaces(): Promise<string[]> {
    if (!this.isAlive()) return [];
    const listing = await this.run(["ip", "netns", "list"]);
    return listing
      .split("\n")
      .map((line) => line.split(" ")[0] ?? "")
      .filter((name) => name !== "");
  }
}

export async function createRealm(kind: RealmKind, folder: StateFolder): Promise<Realm> {
  if (kind === "root") return new Realm({ kind });
  if (folder.root.startsWith("/run/")) {
    throw new LabError(
      `the state folder ${folder.root} lies under /run, which a rootless lab hides behind its own`,
      "set TANDEM_STATE to a folder elsewhere, for example TANDEM_STATE=/tmp/tandem",
    );
  }
  const log = openSync(join(folder.log, "holder.log"), "a", 0o600);
  const holder: ChildProcess = spawn(
    "unshare",
    ["--user", "--map-root-user", "--net", "--mount", "--propagation", "private", "sh", "-c", HOLDER_SCRIPT],
    {
      detached: true,
      stdio: ["ignore", "pipe", log],
      cwd: "/",
      env: withSystemPath({ ...process.env, [LAB_MARK]: folder.root }),
    },
  );
  const ready = await new Promise<boolean>((resolve) => {
    holder.stdout?.setEncoding("utf8").once("data", (text: string) => resolve(text.startsWith("ready")));
    holder.once("error", () => resolve(false));
    holder.once("close", () => resolve(false));
  });
  const identity = holder.pid === undefined ? undefined : identify(holder.pid);
  if (!ready || identity === undefined) {
    await checkUserNamespaces();
    throw new LabError(`the lab's namespace holder did not start; see ${join(folder.log, "holder.log")}`);
  }
  holder.stdout?.destroy();
  holder.unref();
  return new Realm({ kind, holder: identity });
}

/** Deletes the named namespaces; those that are already gone are passed over. */
export async function deleteNamespaces(realm: Realm, names: readonly string[]): Promise<void> {
  const present = new Set(await realm.namespaces());
  const doomed = names.filter((name) => present.has(name));
  if (doomed.length === 0) return;
  const batch = doomed.map((name) => `netns delete ${name}`).join("\n");
  try {
    await realm.run(["ip", "-force", "-batch", "-"], `${batch}\n`);
  } catch (error) {
    const left = (await realm.namespaces()).filter((name) => doomed.includes(name));
    if (left.length > 0) throw new LabError(`cannot delete ${left.join(", ")}: ${reasonOf(error)}`);
  }
}
