/**
 * One ping across each pair of hosts that the plan names, so that "ready" is never said of tunnels through which nothing
 * gets. Where the namespaces cannot be entered (containers) or there is no ping, the processes' own words must do.
 */
import { isIP } from "node:net";
import type { LabPlan } from "@tandem/contract";
import { readLabRecord, readPlan } from "../lab-record.ts";
import { Realm } from "../netns/realm.ts";
import { namespaceOf } from "../plan/network-of-plan.ts";
import { tryCommand } from "../process/run-command.ts";
import type { StateFolder } from "../state-folder.ts";

const ANSWER_SECONDS = 1;
/** ping(8): no answer came. Anything else says that it could not try. */
const NO_ANSWER = 1;

/** What cannot be reached, in words; empty when every ping was answered. */
export async function brokenPaths(folder: StateFolder): Promise<string[]> {
  const record = readLabRecord(folder);
  if (record === undefined || record.realm.kind === "containers") return [];
  const realm = new Realm(record.realm);
  const plan = readPlan(folder);
  const found = await Promise.all(
    plan.probes.map(async ({ from, to, destination }) =>
      destination === undefined || (await answers(realm, plan, from, destination))
        ? []
        : [`no packet gets from ${from} to ${to} (${destination}) and back`],
    ),
  );
  return found.flat();
}

async function answers(realm: Realm, plan: LabPlan, from: string, destination: string): Promise<boolean> {
  if (isIP(destination) === 0) return true;
  const ping = ["ping", "-n", "-q", "-c", "1", "-W", String(ANSWER_SECONDS), destination];
  const enter = realm.enterNamespace(namespaceOf(plan.lab, from));
  const { status } = await tryCommand([...enter, ...ping]);
  return status !== NO_ANSWER;
}
