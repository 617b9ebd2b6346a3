/** The Debian packages that third-party devices need: named when they are missing, installed only when allowed. */
import { accessSync, chmodSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { LabPlan } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import type { RealmKind } from "../netns/privileges.ts";
import { runCommand, tryCommand, withSystemPath } from "../process/run-command.ts";

interface Prerequisite {
  /** A program on the PATH, or the absolute path of a file. */
  readonly needs: string;
  readonly package: string;
}

export const STRONGSWAN: readonly Prerequisite[] = [
  { needs: "/usr/lib/ipsec/charon", package: "strongswan-charon" },
  { needs: "swanctl", package: "strongswan-swanctl" },
  { needs: "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so", package: "libcharon-extra-plugins" },
  { needs: "/usr/lib/ipsec/plugins/libstrongswan-openssl.so", package: "libstrongswan-standard-plugins" },
  { needs: "/usr/lib/ipsec/plugins/libstrongswan-chapoly.so", package: "libstrongswan-extra-plugins" },
];
export const BIRD: readonly Prerequisite[] = [{ needs: "bird", package: "bird2" }];

export async function checkPeerPrerequisites(
  plan: LabPlan,
  kind: RealmKind,
  mayInstall: boolean,
  step: (text: string) => void,
): Promise<void> {
  const devices = plan.nodes.filter((node) => node.kind === "device" && node.software === "strongswan");
  if (devices.length === 0) return;
  if (kind !== "root") {
    throw new LabError(
      `${devices.map(({ name }) => name).join(", ")}: a strongSwan device needs root`,
      "run the same command as root, or use --device tandem",
    );
  }
  const bgp = plan.tunnels.some(({ bgp }) => bgp);
  await requirePackages([...STRONGSWAN, ...(bgp ? BIRD : [])], "a strongSwan device", mayInstall, step);
}

export async function requirePackages(
  wanted: readonly Prerequisite[],
  purpose: string,
  mayInstall: boolean,
  step: (text: string) => void,
): Promise<void> {
  const missing = missingPackages(wanted);
  if (missing.length === 0) return;
  if (!mayInstall || process.getuid?.() !== 0) {
    throw new LabError(
      `${purpose} needs Debian packages that are not installed: ${missing.join(", ")}`,
      `sudo apt-get install --no-install-recommends ${missing.join(" ")}; or let this command do it: --yes (as root)`,
    );
  }
  step(`installing ${missing.join(", ")}`);
  await installPackages(missing);
  const still = missingPackages(wanted);
  if (still.length > 0) throw new LabError(`still missing after the installation: ${still.join(", ")}`);
}

function missingPackages(wanted: readonly Prerequisite[]): string[] {
  return [...new Set(wanted.filter(({ needs }) => !isPresent(needs)).map((one) => one.package))];
}

function isPresent(needs: string): boolean {
  if (needs.startsWith("/")) return existsSync(needs);
  const path = withSystemPath(process.env).PATH ?? "";
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, needs), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian's way to install a daemon without starting it: policy-rc.d answers 101, "action forbidden". */
const POLICY = "/usr/sbin/policy-rc.d";

async function installPackages(names: readonly string[]): Promise<void> {
  const ours = !existsSync(POLICY);
  if (ours) {
    writeFileSync(POLICY, "#!/bin/sh\nexit 101\n");
    chmodSync(POLICY, 0o755);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["apt-get", "-o", "DPkg::Lock::Timeout=120"];
  const install = [...apt, "install", "-y", "--no-install-recommends", ...names];
  try {
    if ((await tryCommand(install, { env })).status === 0) return;
    await runCommand([...apt, "update"], { env });
    await runCommand(install, { env });
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}
