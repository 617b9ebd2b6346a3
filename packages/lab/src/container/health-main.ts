/**
 * Health by role, so that `docker compose up --wait` ends when traffic flows and no role waits in a circle:
 * fabric, router, instance and device are healthy when they answer (a standby holds no seat and is ready to take one);
 * a strongSwan device when charon has a Child SA, its router when a BGP session stands; the supervisor when it says that the
 * lab is ready; a host when the other side answers its ping.
 *
 * In a container's first minute, and whenever it is not healthy, its links are looked at as well (link-check.ts); what is found
 * there also goes into the container's log.
 *
 * Runs every few seconds in every container, so it imports nothing but Node and reads no plan: `start-role` left a note
 * beside it of what to ask.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { type CheckedLink, droppedLink } from "./link-check.ts";

/** Written by start-role.ts into the container's own /tmp, by `gateway up --foreground` into its lab's folder. */
export type HealthNote =
  | { readonly ask: "control"; readonly socket: string }
  | { readonly ask: "ready"; readonly socket: string }
  | { readonly ask: "seats"; readonly socket: string }
  | ProgramQuestion
  | { readonly ask: "ping"; readonly destinations: readonly string[] };

/** A program whose output must match. */
export interface ProgramQuestion {
  readonly ask: "program";
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly expected: string;
  readonly otherwise: string;
}

export const HEALTH_NOTE = "/tmp/tandem-health.json";
/** The links of this container: CheckedLink[]. */
export const LINKS_NOTE = "/tmp/tandem-links.json";
const YOUNG_MILLISECONDS = 60_000;
const TIMEOUT_MILLISECONDS = 2_000;

function answers(socket: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const client = connect(socket);
    client.setTimeout(TIMEOUT_MILLISECONDS, () => resolve(`no answer within ${TIMEOUT_MILLISECONDS} ms`));
    client.once("error", (error) => resolve(error.message));
    client.once("connect", () => client.write('{"id":1,"method":"status"}\n'));
    client.once("data", () => resolve(undefined));
  });
}

/** What the supervisor's API answers to GET `path`; a reason instead when it does not. */
function get(socket: string, path: string): Promise<{ status: number; text: string } | string> {
  return new Promise((resolve) => {
    const ask = request({ socketPath: socket, path, timeout: TIMEOUT_MILLISECONDS }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    ask.once("timeout", () => resolve(`no answer within ${TIMEOUT_MILLISECONDS} ms`));
    ask.once("error", (error) => resolve(error.message));
    ask.end();
  });
}

async function ready(socket: string): Promise<string | undefined> {
  const answer = await get(socket, "/health/ready");
  if (typeof answer === "string") return answer;
  return answer.status === 200 ? undefined : answer.text;
}

async function seated(socket: string): Promise<string | undefined> {
  const answer = await get(socket, "/status");
  if (typeof answer === "string") return answer;
  const { seats } = JSON.parse(answer.text) as { seats: { name: string; owner: string | null }[] };
  const empty = seats.filter(({ owner }) => owner === null).map(({ name }) => name);
  return empty.length === 0 ? undefined : `no instance holds ${empty.join(" and ")}`;
}

function pings(destinations: readonly string[]): string | undefined {
  const silent = destinations.filter((one) => spawnSync("ping", ["-c", "1", "-W", "1", one]).status !== 0);
  return silent.length === 0 ? undefined : `${silent.join(" and ")} does not answer`;
}

function program({ argv, environment, expected, otherwise }: ProgramQuestion): string | undefined {
  const [file = "", ...args] = argv;
  const answer = spawnSync(file, args, { env: { ...process.env, ...environment }, encoding: "utf8" });
  return (answer.stdout ?? "").includes(expected) ? undefined : otherwise;
}

async function health(): Promise<string | undefined> {
  let note: HealthNote;
  try {
    note = JSON.parse(readFileSync(process.argv[2] ?? HEALTH_NOTE, "utf8")) as HealthNote;
  } catch {
    return "still starting";
  }
  if (note.ask === "ping") return pings(note.destinations);
  if (note.ask === "program") return program(note);
  if (note.ask === "seats") return await seated(note.socket);
  return note.ask === "ready" ? await ready(note.socket) : await answers(note.socket);
}

async function links(healthy: boolean): Promise<string | undefined> {
  let noted: CheckedLink[];
  try {
    if (healthy && Date.now() - statSync(LINKS_NOTE).mtimeMs > YOUNG_MILLISECONDS) return undefined;
    noted = JSON.parse(readFileSync(LINKS_NOTE, "utf8")) as CheckedLink[];
  } catch {
    return undefined; // a gateway for real devices has none
  }
  const found = await droppedLink(noted);
  if (found !== undefined) appendFileSync("/proc/1/fd/2", `tandem: ${found}\n`);
  return found;
}

if (import.meta.main) {
  const own = await health();
  const reason = (await links(own === undefined)) ?? own;
  if (reason !== undefined) process.stdout.write(`${reason}\n`);
  process.exit(reason === undefined ? 0 : 1);
}
