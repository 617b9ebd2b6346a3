/** Remote clients and a failover: kept in `hitless`; in `fast` dropped, told so, and able to connect again. */
import type { TandemEvent } from "@tandem/contract";
import { afterEach, expect, it } from "vitest";
import { UserLab, until, VNET_HOST } from "./user-lab.ts";

const PINGS = 160;
let lab: UserLab;
afterEach(() => lab.down());

const ping = (client: string, count: number) =>
  lab.exec(client, ["ping", "-q", "-i", "0.05", "-c", String(count), "-W", "1", VNET_HOST]);

const events = async (): Promise<TandemEvent[]> =>
  (await lab.must(["events", "--once", "--json"]))
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as TandemEvent);

async function moveTheSeat(): Promise<number> {
  const { at } = (await events()).at(-1)!;
  await lab.must(["kill", "gw/IN_0"]);
  await until("the partner to own the seat", 30, async () => {
    const { seats } = await lab.status();
    return seats[0]?.owner === "gw/IN_1";
  });
  return at;
}

it("hitless: clients keep their IKE SAs and addresses", async () => {
  lab = new UserLab();
  await lab.up("point-to-site", ["--profile", "hitless"]);
  await until("replication", 30, async () =>
    (await events()).some(({ event }) => event === "replication.up"),
  );
  expect((await ping("client1", 4)).stdout).toContain(" 0% packet loss");
  const [answered, since] = await Promise.all([ping("client1", PINGS), moveTheSeat()]);
  const received = Number(/(\d+) received/.exec(answered.stdout)?.[1]);
  expect(received, answered.stdout).toBeGreaterThan(PINGS - 40);
  const after = (await events()).filter(({ at, node }) => at > since && node === "gw/IN_1");
  expect(after.some(({ event, message }) => event === "seat.taken" && /adopted/.test(message))).toBe(true);
  expect(after.filter(({ event }) => event === "ike.established")).toEqual([]);
  await lab.must(["lab", "wait", "--timeout", "60"]);
});

it("fast: clients are dropped, status says so, and who dials again is in", async () => {
  lab = new UserLab();
  await lab.up("point-to-site", ["--profile", "fast"]);
  expect((await ping("client1", 4)).stdout).toContain(" 0% packet loss");
  await moveTheSeat();
  await until("status to tell", 30, async () =>
    (await lab.status()).reasons.some((one) => /0 of 2 point-to-site clients are connected/.test(one)),
  );
  expect((await ping("client1", 4)).status).toBe(1);
  await lab.must(["kill", "client1"]);
  await lab.must(["restore", "client1"]);
  await until("client1 to be in again", 40, async () => (await ping("client1", 4)).status === 0);
});
