/** What this user may do here, and the cure when it is not enough. */
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { LabError } from "../lab-error.ts";
import { tryCommand } from "../process/run-command.ts";

/** `containers`: made by Docker, one container per node; commands get in with `docker compose exec`. */
export type RealmKind = "root" | "rootless" | "containers";

/** Root with CAP_SYS_ADMIN uses the machine's own namespaces; anyone else a user namespace. */
export function realmKind(): RealmKind {
  return process.getuid?.() === 0 && hasCapability(21) ? "root" : "rootless";
}

/** `capability` is its number in linux/capability.h. */
function hasCapability(capability: number): boolean {
  try {
    const line = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "latin1"));
    return line?.[1] !== undefined && ((BigInt(`0x${line[1]}`) >> BigInt(capability)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Throws what stands between this user and a user namespace with a network of its own. */
export async function checkUserNamespaces(): Promise<void> {
  const result = await tryCommand(["unshare", "--user", "--map-root-user", "--net", "--mount", "true"]);
  if (result.status === 0) return;
  throw new LabError(
    `this user may not create network namespaces (${result.stderr.trim() || `unshare: status ${result.status}`})`,
    userNamespaceCure(),
  );
}

function userNamespaceCure(): string {
  if (sysctl("kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root";
  }
  if (sysctl("kernel/unprivileged_userns_clone") === "0") {
    return "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root";
  }
  if (sysctl("user/max_user_namespaces") === "0") {
    return "sudo sysctl -w user.max_user_namespaces=15000, or run as root";
  }
  return "run as root, or on a machine that allows user namespaces (in a container: --privileged --device /dev/net/tun)";
}

function sysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "latin1").trim();
  } catch {
    return undefined;
  }
}

/** The kernel checks the permissions of the device file even for the root of a user namespace. */
export function checkTunDevice(kind: RealmKind): void {
  const device = "/dev/net/tun";
  if (!existsSync(device)) {
    throw new LabError(
      `${device} does not exist, so no tunnel device can be made`,
      "sudo modprobe tun; in a container, start it with --device /dev/net/tun",
    );
  }
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    closeSync(openSync(device, "r+"));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new LabError(
      `this user may not open ${device} (${reason})`,
      kind === "rootless"
        ? `sudo chmod 0666 ${device} (the mode most distributions give it: it permits TUN devices only in namespaces the user owns), or run as root`
        : "in a container, start it with --device /dev/net/tun --cap-add NET_ADMIN",
    );
  }
}
