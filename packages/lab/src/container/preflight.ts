/** What bites in practice when a role starts in a container: each found, said in one line with its cure. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { Encapsulation } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { BASE_SYSCTLS } from "../netns/base-sysctls.ts";
import { type ContainerEnd, checkSubnetPrefix, DEFAULT_SUBNET } from "./container-network.ts";
import { CAPABILITY_BITS, type DeviceRouter, type RoleNeeds } from "./role-needs.ts";

export interface ContainerEnvironment {
  readonly topology: string;
  readonly profile: "fast" | "hitless" | "azure";
  /** What the devices are; absent: as the lab file says. */
  readonly deviceKind?: "tandem" | "strongswan";
  /** Of ESP; absent: as the lab file says. */
  readonly encapsulation?: Encapsulation;
  /** What routes in front of a third-party device's tunnels. */
  readonly router: DeviceRouter;
  readonly subnet: string;
  readonly stateRoot: string;
}

const VARIABLES: Readonly<Record<string, string>> = {
  TANDEM_TOPOLOGY: "a file under lab/ without its ending, for example dual-redundancy",
  TANDEM_PROFILE: "fast, hitless or azure",
  TANDEM_DEVICE: "tandem or strongswan",
  TANDEM_ENCAPSULATION: "auto (ESP in UDP behind a NAT), udp (always) or esp (never)",
  TANDEM_ROUTER: "bird or frr, for a strongSwan device with several tunnels",
  TANDEM_SUBNET: "two octets under which Docker's networks lie, for example 10.213",
  TANDEM_STATE: "the folder of the shared volume",
};
const PROFILES = ["fast", "hitless", "azure"] as const;

export function readEnvironment(env: NodeJS.ProcessEnv): ContainerEnvironment {
  for (const name of Object.keys(env).filter((n) => n.startsWith("TANDEM_"))) {
    if (Object.hasOwn(VARIABLES, name)) continue;
    throw new LabError(
      `the environment variable ${name} is not known`,
      `known are: ${Object.entries(VARIABLES)
        .map(([n, about]) => `${n} (${about})`)
        .join("; ")}`,
    );
  }
  const topology = env.TANDEM_TOPOLOGY;
  if (topology === undefined || topology === "") {
    throw new LabError("TANDEM_TOPOLOGY is not set", `set it to ${VARIABLES.TANDEM_TOPOLOGY}`);
  }
  const profile = PROFILES.find((one) => one === (env.TANDEM_PROFILE ?? "fast"));
  if (profile === undefined) {
    throw new LabError(
      `TANDEM_PROFILE=${env.TANDEM_PROFILE} is not a profile`,
      `set it to ${VARIABLES.TANDEM_PROFILE}`,
    );
  }
  const deviceKind = env.TANDEM_DEVICE;
  if (deviceKind !== undefined && deviceKind !== "tandem" && deviceKind !== "strongswan") {
    throw new LabError(`TANDEM_DEVICE=${deviceKind} is not known`, `set it to ${VARIABLES.TANDEM_DEVICE}`);
  }
  const encapsulation =
    env.TANDEM_ENCAPSULATION === undefined
      ? undefined
      : Encapsulation.safeParse(env.TANDEM_ENCAPSULATION).data;
  if (env.TANDEM_ENCAPSULATION !== undefined && encapsulation === undefined) {
    throw new LabError(
      `TANDEM_ENCAPSULATION=${env.TANDEM_ENCAPSULATION} is not known`,
      `set it to ${VARIABLES.TANDEM_ENCAPSULATION}`,
    );
  }
  const router = (["bird", "frr"] as const).find((one) => one === (env.TANDEM_ROUTER ?? "bird"));
  if (router === undefined) {
    throw new LabError(
      `TANDEM_ROUTER=${env.TANDEM_ROUTER} is not known`,
      `set it to ${VARIABLES.TANDEM_ROUTER}`,
    );
  }
  const subnet = env.TANDEM_SUBNET ?? DEFAULT_SUBNET;
  const wrong = checkSubnetPrefix(subnet);
  if (wrong !== undefined) throw new LabError(wrong);
  return {
    topology,
    profile,
    ...(deviceKind === undefined ? {} : { deviceKind }),
    ...(encapsulation === undefined ? {} : { encapsulation }),
    router,
    subnet,
    stateRoot: env.TANDEM_STATE ?? "/run/tandem",
  };
}

/** Returns the kernel's name of the interface for each end. */
export function preflight(
  name: string,
  needs: RoleNeeds,
  sysctls: Readonly<Record<string, string>>,
  ends: readonly ContainerEnd[],
): Map<ContainerEnd, string> {
  checkCapabilities(name, Object.keys(needs.capabilities));
  if (needs.tun) checkTun();
  checkSysctls({ ...BASE_SYSCTLS, ...sysctls });
  return findInterfaces(ends);
}

function checkCapabilities(node: string, wanted: readonly string[]): void {
  const held = BigInt(
    `0x${/^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`,
  );
  const missing = wanted.filter((name) => ((held >> BigInt(CAPABILITY_BITS[name] ?? 0)) & 1n) === 0n);
  if (missing.length === 0) return;
  throw new LabError(
    `${node} lacks the capability ${missing.join(" and ")}`,
    `cap_add: [${missing.join(", ")}] in the Compose file, or --cap-add with docker run`,
  );
}

function checkTun(): void {
  try {
    closeSync(openSync("/dev/net/tun", "r+"));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new LabError(
      `/dev/net/tun cannot be opened (${code})`,
      code === "ENOENT"
        ? 'devices: ["/dev/net/tun"] in the Compose file; on the host: modprobe tun'
        : "the container's device rules forbid it: devices: [/dev/net/tun] in the Compose file",
    );
  }
}

function checkSysctls(wanted: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(wanted)) {
    const path = `/proc/sys/${name.replaceAll(".", "/")}`;
    let found: string;
    try {
      found = readFileSync(path, "utf8").trim().replaceAll("\t", " ");
    } catch {
      continue; // this kernel does not have it
    }
    if (found === value) continue;
    throw new LabError(
      `the sysctl ${name} is ${found}, not ${value}`,
      `sysctls: { ${name}: "${value}" } in the Compose file`,
    );
  }
}

function findInterfaces(ends: readonly ContainerEnd[]): Map<ContainerEnd, string> {
  const here = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ internal }) => !internal).map(({ address }) => ({ name, address })),
  );
  const found = new Map<ContainerEnd, string>();
  for (const end of ends) {
    // A container that is started again (not made anew) keeps the plan's addresses of its first start.
    const match = here.find(({ address }) => address === end.dockerAddress);
    if (match === undefined) {
      throw new LabError(
        `no interface has ${end.dockerAddress}, where ${end.interface} of link ${end.link.name} should be; ` +
          `found: ${here.map(({ name, address }) => `${name} ${address}`).join(", ") || "none"}`,
        "use the Compose file as it is; if its networks clash with the host's, set TANDEM_SUBNET for all services alike",
      );
    }
    found.set(end, match.name);
  }
  return found;
}
