/**
 * Namespaces and the cables between them, laid out with iproute2 only (it is on every machine that has namespaces).
 * veth pairs are created with both ends already in their namespaces: no interface ever appears in the machine's own.
 */
import { LabError, reasonOf } from "../lab-error.ts";
import { BASE_SYSCTLS, NAMESPACE_SYSCTLS } from "./base-sysctls.ts";
import { addOutside, type OutsideLayout } from "./outside-interface.ts";
import { deleteNamespaces, type Realm } from "./realm.ts";

export interface NamespaceLayout {
  readonly netns: string;
  readonly interfaces: readonly InterfaceLayout[];
  /** Dotted names (`net.ipv4.ip_forward`), over what every namespace gets. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Words for `ip`, run when the interfaces are up: routes, rules. One family each: `-4 ...` or `-6 ...`. */
  readonly commands: readonly string[];
}

export interface InterfaceLayout {
  /** `lo`, or an end of a cable. */
  readonly name: string;
  /** `address/length`. */
  readonly addresses: readonly string[];
}

export interface CableEnd {
  readonly netns: string;
  readonly interface: string;
}

export interface CableLayout {
  readonly ends: readonly [CableEnd, CableEnd];
  readonly mtu?: number;
}

export interface NetworkLayout {
  readonly namespaces: readonly NamespaceLayout[];
  readonly cables: readonly CableLayout[];
  readonly outside?: OutsideLayout;
}

/** Linux's IFNAMSIZ counts the terminator. */
const INTERFACE_NAME_MAX = 15;

/** Paths below /proc/sys/net. */
const SYSCTLS: readonly (readonly [string, string])[] = Object.entries({
  ...BASE_SYSCTLS,
  ...NAMESPACE_SYSCTLS,
}).map(([name, value]) => [name.replace(/^net\./, "").replaceAll(".", "/"), value]);

/** All or nothing: what was made is removed again when a step fails. */
export async function layOut(realm: Realm, layout: NetworkLayout): Promise<void> {
  checkNames(layout);
  const names = layout.namespaces.map(({ netns }) => netns);
  try {
    await realm.run(["ip", "-batch", "-"], batch(names.map((netns) => `netns add ${netns}`)));
    await Promise.all(names.map((netns) => prepareNamespace(realm, netns)));
    await realm.run(["ip", "-batch", "-"], batch(layout.cables.map(addCable)));
    if (layout.outside !== undefined) await addOutside(realm, layout.outside);
    await Promise.all(layout.namespaces.map((namespace) => configureNamespace(realm, namespace)));
  } catch (error) {
    await deleteNamespaces(realm, names).catch(() => {});
    throw error;
  }
}

function checkNames(layout: NetworkLayout): void {
  for (const { ends } of layout.cables) {
    for (const end of ends) {
      if (end.interface.length > INTERFACE_NAME_MAX) {
        throw new LabError(`interface name ${end.interface} is longer than ${INTERFACE_NAME_MAX} characters`);
      }
    }
  }
}

/** Before any cable is plugged in, so that the defaults apply to every interface to come. */
async function prepareNamespace(realm: Realm, netns: string): Promise<void> {
  const writes = SYSCTLS.map(([name, value]) => `[ ! -e ${name} ] || echo '${value}' >${name}`);
  const script = ["cd /proc/sys/net", ...writes, "ip link set lo up"].join("\n");
  await inNamespace(realm, netns, script);
}

function addCable({ ends: [a, b], mtu }: CableLayout): string {
  const size = mtu === undefined ? "" : `mtu ${mtu} `;
  return (
    `link add name ${a.interface} ${size}netns ${a.netns} type veth ` +
    `peer name ${b.interface} ${size}netns ${b.netns}`
  );
}

async function configureNamespace(realm: Realm, namespace: NamespaceLayout): Promise<void> {
  const interfaces: string[] = [];
  for (const { name, addresses } of namespace.interfaces) {
    interfaces.push(`link set dev ${name} up`);
    for (const address of addresses) {
      interfaces.push(`address add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`);
    }
  }
  const sysctls = Object.entries(namespace.sysctls ?? {}).map(
    ([name, value]) => `echo '${value}' >/proc/sys/${name.replaceAll(".", "/")}`,
  );
  await inNamespace(realm, namespace.netns, [...sysctls, ""].join("\n"));
  await inBatch(realm, namespace.netns, ["ip"], interfaces);
  for (const family of ["-4", "-6"]) {
    const lines = namespace.commands
      .filter((line) => line.startsWith(`${family} `))
      .map((line) => line.slice(3));
    await inBatch(realm, namespace.netns, ["ip", family], lines);
  }
}

async function inBatch(
  realm: Realm,
  netns: string,
  program: readonly string[],
  lines: readonly string[],
): Promise<void> {
  if (lines.length === 0) return;
  try {
    await realm.run([...program, "-netns", netns, "-batch", "-"], batch(lines));
  } catch (error) {
    throw new LabError(explainBatchFailure(reasonOf(error), netns, lines));
  }
}

/** iproute2 names the line of a batch that failed by number only. */
function explainBatchFailure(message: string, netns: string, lines: readonly string[]): string {
  const line = /Command failed -:(\d+)/.exec(message)?.[1];
  const command = line === undefined ? undefined : lines[Number(line) - 1];
  return command === undefined ? message : `in namespace ${netns}: "ip ${command}" failed: ${message}`;
}

async function inNamespace(realm: Realm, netns: string, script: string): Promise<void> {
  await realm.run(["ip", "netns", "exec", netns, "sh", "-eu"], `${script}\n`);
}

function batch(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
