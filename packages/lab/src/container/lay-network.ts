/** The same work that `lab up` does for a namespace; Docker made the interfaces, and names, addresses and routes are ours. */
import type { NamespaceLayout } from "../netns/network-layout.ts";
import { runCommand } from "../process/run-command.ts";
import type { ContainerEnd } from "./container-network.ts";

/** `interfaces`: what Docker calls each end. */
export async function layNetwork(
  layout: NamespaceLayout,
  interfaces: ReadonlyMap<ContainerEnd, string>,
): Promise<void> {
  // Docker's own default route would send in clear what no tunnel takes.
  await runCommand(["ip", "-force", "-batch", "-"], {
    input: "route flush default\n-6 route flush default\n",
  }).catch(() => {});
  const links: string[] = [];
  for (const [end, kernelName] of interfaces) {
    if (kernelName !== end.interface) {
      links.push(`link set ${kernelName} down`, `link set ${kernelName} name ${end.interface}`);
    }
  }
  for (const { name, addresses } of layout.interfaces) {
    links.push(`link set ${name} up`);
    for (const address of addresses) {
      links.push(`address replace ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`);
    }
  }
  await ipBatch([], links);
  for (const family of ["-4", "-6"]) {
    const commands = layout.commands
      .filter((line) => line.startsWith(`${family} `))
      .map((line) => line.slice(3).replace(/^route add /, "route replace "));
    await ipBatch([family], commands);
  }
}

export async function ipBatch(options: readonly string[], lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await runCommand(["ip", ...options, "-batch", "-"], { input: lines.map((line) => `${line}\n`).join("") });
}
