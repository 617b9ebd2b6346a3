/**
 * Health by role, so that `docker compose up --wait` ends when traffic flows and no role waits in a circle:
 * fabric, router, instance and device are healthy when they answer (a standby holds no seat and is ready to take one);
 * a strongSwan device when charon has a Child SA, its router when a BGP session stands; the supervisor when it says that the
 * lab is ready; a host when the other side answers its ping.
 *
 * Runs every few seconds in every container, so it imports nothing but Node and reads no plan: `start-role` left a note
 * beside it of what to ask.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";

/** Written by start-role.ts into the container's own /tmp. */
export type HealthNote =
  | { readonly ask: "control"; readonly socket: string }
  | { readonly ask: "ready"; readonly socket: string }
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

function ready(socket: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const ask = request(
      { socketPath: socket, path: "/health/ready", timeout: TIMEOUT_MILLISECONDS },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("end", () => resolve(response.statusCode === 200 ? undefined : text));
      },
    );
    ask.once("timeout", () => resolve(`no answer within ${TIMEOUT_MILLISECONDS} ms`));
    ask.once("error", (error) => resolve(error.message));
    ask.end();
  });
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
    note = JSON.parse(readFileSync(HEALTH_NOTE, "utf8")) as HealthNote;
  } catch {
    return "still starting";
  }
  if (note.ask === "ping") return pings(note.destinations);
  if (note.ask === "program") return program(note);
  return note.ask === "ready" ? await ready(note.socket) : await answers(note.socket);
}

if (import.meta.main) {
  const reason = await health();
  if (reason !== undefined) process.stdout.write(`${reason}\n`);
  process.exit(reason === undefined ? 0 : 1);
}
