/** Watches whether the devices have a route to the VNet, all the time: asked of their data planes again and again. */
import { setTimeout as delay } from "node:timers/promises";
import { ControlClient } from "../../control/control-client.ts";
import { labProcesses } from "../../control/lab-processes.ts";
import { readPlan } from "../../lab-record.ts";
import type { StateFolder } from "../../state-folder.ts";

const INTERVAL_MILLISECONDS = 10;

export class RouteWatch {
  #stopped = false;
  #looks = 0;
  #gone = 0;
  readonly #work: Promise<unknown>;

  constructor(folder: StateFolder) {
    const plan = readPlan(folder);
    const targets = plan.probes.flatMap(({ from, destination }) => {
      const vnet = plan.nodes.some(
        (node) => node.kind === "host" && node.name === from && isVnet(plan.links, from),
      );
      return vnet && destination !== undefined ? [{ from, destination }] : [];
    });
    this.#work = Promise.all(
      labProcesses(folder, ["device"]).map(async ({ controlSocket }) => {
        const client = await ControlClient.open(controlSocket);
        try {
          while (!this.#stopped) {
            for (const { from, destination } of targets) {
              const host = plan.nodes.find((node) => node.name === from);
              const address =
                host?.kind === "host" ? host.addresses.find((a) => sameFamily(a, destination)) : undefined;
              if (address === undefined) continue;
              const query = {
                source: destination,
                destination: address,
                protocol: 17,
                sourcePort: 1,
                destinationPort: 1,
              };
              const { verdict } = (await client.call("explain", query)) as { verdict: string };
              this.#looks++;
              if (verdict === "no-route") this.#gone++;
            }
            await delay(INTERVAL_MILLISECONDS);
          }
        } finally {
          client.close();
        }
      }),
    ).catch(() => {
      this.#gone++; // a device that does not answer has no routes to show
    });
  }

  async stop(): Promise<{ readonly looks: number; readonly gone: number }> {
    this.#stopped = true;
    await this.#work;
    return { looks: this.#looks, gone: this.#gone };
  }
}

const sameFamily = (a: string, b: string): boolean => a.includes(":") === b.includes(":");

const isVnet = (
  links: readonly {
    readonly role: string;
    readonly a: { readonly node: string };
    readonly b: { readonly node: string };
  }[],
  host: string,
): boolean => links.some(({ role, a, b }) => role === "vnet" && (a.node === host || b.node === host));
