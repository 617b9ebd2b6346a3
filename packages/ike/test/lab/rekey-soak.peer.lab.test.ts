/**
 * Rekeying without pause: Child SAs live 5 s, IKE SAs 20 s, a ping every 50 ms through all of it, in both initiator roles
 * and with either side's clock. 2 minutes each with TANDEM_FULL=1, 40 s otherwise. No ping may be lost, and in the end there
 * are two ESP SAs again: one in, one out.
 */
import { spawn } from "node:child_process";
import { afterAll, expect, it } from "vitest";
import { MeetingPlace, type MeetingPlan, OUR_NET, ROLE_NAMES, THEIR_NET } from "./meeting.ts";
import { OUR_HOST, THEIR_HOST, TwoNetworks } from "./two-networks.ts";

const SECONDS = process.env["TANDEM_FULL"] === "1" ? 120 : 40;
const PING_INTERVAL = 0.05;
const CHILD_SECONDS = 5;
const IKE_SECONDS = 20;

const places: MeetingPlace[] = [];
afterAll(async () => {
  for (const place of places) await place.close();
});

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

for (const initiator of ["tandem", "charon"] as const) {
  for (const clock of ["tandem", "charon"] as const) {
    it(`rekeys for ${SECONDS} s: ${ROLE_NAMES[initiator]} initiates, the clock is ${ROLE_NAMES[clock]}'s`, {
      timeout: (SECONDS + 60) * 1000,
    }, async () => {
      const esp = "aes256gcm16-ecp256";
      const plan: MeetingPlan = {
        ike: "aes256gcm16-prfsha256-ecp256",
        esp,
        initiator,
        auth: "psk",
        ...(clock === "tandem"
          ? {
              ours: (connection) => ({
                ...connection,
                childLifetime: CHILD_SECONDS * 1000,
                ikeLifetime: IKE_SECONDS * 1000,
              }),
            }
          : {
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
                  esp_proposals: [esp],
                  rekey_time: `${CHILD_SECONDS - 1}s`,
                  life_time: `${CHILD_SECONDS}s`,
                  rand_time: "0",
                },
              }),
            }),
      };
      const place = new MeetingPlace(new TwoNetworks(`iks${places.length}-`), new Map());
      places.push(place);
      const meeting = await place.meet(plan);
      await meeting.establish();
      const { sent, received } = await pings(place.networks.them, SECONDS / PING_INTERVAL);
      const ups = meeting.us.of("child-sa-up").length;
      const ikes = meeting.us.of("ike-sa-up").length;
      // A soft limit comes before the hard one: at least one rekey for each lifetime that has passed.
      expect(ups, "Child SAs made").toBeGreaterThan(SECONDS / CHILD_SECONDS);
      expect(ikes, "IKE SAs made").toBeGreaterThan(SECONDS / IKE_SECONDS);
      expect(received, `of ${sent} pings over ${ups} Child SAs and ${ikes} IKE SAs\n${meeting.story}`).toBe(
        sent,
      );
      const { tandem, charon } = await meeting.agree();
      expect([tandem.children.length, charon.children.length]).toEqual([1, 1]);
      const closed = meeting.us.of("child-sa-down").filter(({ cause }) => cause !== "rekeyed");
      expect(closed, "no Child SA ended otherwise than by its successor").toEqual([]);
      meeting.us.input({ kind: "terminate", tunnel: "interop", reason: "the soak is over", hold: true });
      await meeting.gone();
    });
  }
}
