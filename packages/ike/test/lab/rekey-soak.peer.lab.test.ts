/**
 * Rekeying without pause: Child SAs live 5 s, IKE SAs 20 s, a ping every 50 ms through all of it, in both initiator roles
 * and with either side's clock, all four at once. 2 minutes with TANDEM_FULL=1, 40 s otherwise. No ping may be lost, and in
 * the end there are two ESP SAs again: one in, one out.
 */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  MeetingPlace,
  type MeetingPlan,
  OUR_NET,
  ROLE_NAMES,
  type Role,
  THEIR_NET,
  TUNNEL,
} from "./meeting.ts";
import { OUR_HOST, THEIR_HOST, TwoNetworks } from "./two-networks.ts";

const SECONDS = process.env.TANDEM_FULL === "1" ? 120 : 40;
const PING_INTERVAL = 0.05;
const CHILD_SECONDS = 5;
const IKE_SECONDS = 20;
const ESP = "aes256gcm16-ecp256";
const ROLES: readonly Role[] = ["tandem", "charon"];

interface Soak {
  readonly initiator: Role;
  /** Whose lifetimes are short. */
  readonly clock: Role;
  run: Promise<void>;
}

const places: MeetingPlace[] = [];
const soaks: Soak[] = ROLES.flatMap((initiator) =>
  ROLES.map((clock) => ({ initiator, clock, run: Promise.resolve() })),
);

beforeAll(() => {
  for (const one of soaks) {
    const place = new MeetingPlace(new TwoNetworks(`iks${places.length}-`), new Map());
    places.push(place);
    one.run = soak(place, one);
    // Whoever awaits it first gets the failure; until then it must not end the process.
    one.run.catch(() => {});
  }
});

afterAll(async () => {
  for (const place of places) await place.close();
});

function plan({ initiator, clock }: Soak): MeetingPlan {
  const common = { ike: "aes256gcm16-prfsha256-ecp256", esp: ESP, initiator, auth: "psk" } as const;
  if (clock === "tandem")
    return {
      ...common,
      ours: (connection) => ({
        ...connection,
        childLifetime: CHILD_SECONDS * 1000,
        ikeLifetime: IKE_SECONDS * 1000,
      }),
    };
  return {
    ...common,
    theirs: (connection) => ({
      ...connection,
      rekey_time: `${IKE_SECONDS - 2}s`,
      over_time: "2s",
      rand_time: "1s",
    }),
    theirChildren: () => ({
      net: {
        local_ts: [THEIR_NET],
        remote_ts: [OUR_NET],
        esp_proposals: [ESP],
        rekey_time: `${CHILD_SECONDS - 1}s`,
        life_time: `${CHILD_SECONDS}s`,
        rand_time: "0",
      },
    }),
  };
}

async function soak(place: MeetingPlace, one: Soak): Promise<void> {
  const meeting = await place.meet(plan(one));
  await meeting.establish();
  const { sent, received } = await pings(place.networks.them, SECONDS / PING_INTERVAL);
  const children = meeting.us.of("child-sa-up").length;
  const ikeSas = meeting.us.of("ike-sa-up").length;
  // A soft limit comes before the hard one: at least one rekey for each lifetime that has passed.
  expect(children, "Child SAs made").toBeGreaterThan(SECONDS / CHILD_SECONDS);
  expect(ikeSas, "IKE SAs made").toBeGreaterThan(SECONDS / IKE_SECONDS);
  expect(received, `of ${sent} pings over ${children} Child SAs, ${ikeSas} IKE SAs\n${meeting.story}`).toBe(
    sent,
  );
  const { tandem, charon } = await meeting.agree();
  expect([tandem.children.length, charon.children.length]).toEqual([1, 1]);
  const cutOff = meeting.us.of("child-sa-down").filter(({ cause }) => cause !== "rekeyed");
  expect(cutOff, "no Child SA ended otherwise than by its successor").toEqual([]);
  meeting.us.input({ kind: "terminate", tunnel: TUNNEL, reason: "the soak is over", hold: true });
  await meeting.gone();
}

interface Pinged {
  readonly sent: number;
  readonly received: number;
}

/** ping's own count of what it sent and what came back. */
function pings(netns: string, count: number): Promise<Pinged> {
  const args = `netns exec ${netns} ping -n -q -i ${PING_INTERVAL} -c ${count} -W 2 -I ${THEIR_HOST} ${OUR_HOST}`;
  const ping = spawn("ip", args.split(" "), { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  ping.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    ping.on("error", reject);
    ping.on("exit", () => {
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text) ?? [];
      if (sent === undefined) reject(new Error(`ping said: ${text}`));
      else resolve({ sent: Number(sent), received: Number(received) });
    });
  });
}

for (const one of soaks) {
  const roles = `${ROLE_NAMES[one.initiator]} initiates, the clock is ${ROLE_NAMES[one.clock]}'s`;
  it(`rekeys for ${SECONDS} s: ${roles}`, { timeout: (SECONDS + 60) * 1000 }, async () => {
    await one.run;
  });
}
