/**
 * Malformed IKE and ESP thrown at the real process: mutated copies of what its own peer has sent, in the peer's name,
 * repetitions, and noise, with ESP as protocol 50 and in UDP. It goes on forwarding with the same SAs, and answers only
 * what RFC 7296 lets it answer. In UDP each kind of malformed ESP is also sent by itself and raises its own counter.
 */
import { connect } from "node:net";
import { join } from "node:path";
import { ProcessStatus } from "@tandem/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FULL, REPOSITORY, SITE_HOST, siteToSite, UserLab } from "./user-lab.ts";

const FLOOD = join(REPOSITORY, "test/lab/programs/packet-flood.ts");
const ESP_IN_UDP = join(REPOSITORY, "test/lab/programs/esp-in-udp.ts");
const DEVICE = "198.51.100.10";
const GATEWAY = "203.0.113.10";
const OF_EACH_KIND = 200;
/** With each encapsulation. */
const COUNT = FULL ? 500_000 : 10_000;
const SEED = Number(process.env.TANDEM_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** What the attacked process says of itself, drops by reason included. */
function processStatus(lab: UserLab): Promise<ProcessStatus> {
  return new Promise((fulfil, reject) => {
    const socket = connect(join(lab.folder, "state/labs", lab.name, "control/gw-IN_0.sock"));
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes("\n")) return;
      socket.destroy();
      fulfil(ProcessStatus.parse((JSON.parse(text) as { result: unknown }).result));
    });
    socket.once("error", reject);
    socket.write('{"id":1,"method":"status"}\n');
  });
}

/** Answers that RFC 7296 allows to a message without protection, and those of our own protected exchanges. */
const ALLOWED: readonly RegExp[] = [
  /^exchange 34, response, payload 33$/, // §1.2: a repeated or new IKE_SA_INIT that is in order
  /^exchange 34, response, payload 41, notify (1|5|7|14|17|16390)$/, // §2.21.1, §2.5, §2.6, §1.3
  /^exchange (35|36|37), response, payload 41, notify (4|5)$/, // §2.21.4, §1.5: INVALID_IKE_SPI, INVALID_MAJOR_VERSION
  /^exchange \d+, response, payload 41, notify (4|5)$/,
  /^exchange (35|36|37), (request|response), payload (46|53)$/, // protected
  /^exchange 34, request, payload 33$/, // its own attempt, which is none of the flood's business
];

const withEncapsulation = (encapsulation: "esp" | "udp") =>
  siteToSite((file) => Object.assign(file.tandem!, { options: { encapsulation } }));

/** What the device sends to the gateway: a whole handshake and some traffic. */
async function captureOfPeer(lab: UserLab): Promise<string> {
  const file = join(lab.folder, "peer.pcapng");
  await lab.must(["capture", "gw/IN_0", "--out", file, "--start"]);
  await lab.must(["reset", "onprem"]);
  await lab.must(["lab", "wait", "--timeout", "60"]);
  await lab.mustExec("vnet1-host", ["ping", "-q", "-c", "20", "-i", "0.05", SITE_HOST]);
  await lab.must(["capture", "gw/IN_0", "--stop"]);
  return file;
}

async function flood(lab: UserLab): Promise<void> {
  process.stdout.write(`malformed packets: seed ${SEED} (TANDEM_SEED=${SEED} repeats it)\n`);
  const file = await captureOfPeer(lab);
  const before = { process: await processStatus(lab), tunnel: await lab.tunnel() };
  const words = [process.execPath, FLOOD, file, DEVICE, GATEWAY, String(COUNT), String(SEED)];
  const [flooded, ping] = await Promise.all([
    lab.mustExec("device1", words, 900),
    lab.exec("vnet1-host", ["ping", "-q", "-c", "40", "-i", "0.1", "-W", "2", SITE_HOST]),
  ]);
  const { sent, samples, answers } = JSON.parse(flooded) as {
    sent: number;
    samples: number;
    answers: Record<string, number>;
  };
  expect(samples).toBeGreaterThan(20);
  expect(sent).toBe(COUNT);
  process.stdout.write(
    `malformed packets: ${sent} sent, ${ping.stdout.match(/\d+ received/)}, answers ${JSON.stringify(answers)}\n`,
  );

  // Forwarding all the while (the flood may cost a packet of a full queue), and all of it afterwards.
  expect(Number(/(\d+) received/.exec(ping.stdout)?.[1])).toBeGreaterThan(30);
  expect((await lab.exec("vnet1-host", ["ping", "-q", "-c", "20", "-i", "0.05", SITE_HOST])).stdout).toMatch(
    / 0% packet loss/,
  );
  const after = { process: await processStatus(lab), tunnel: await lab.tunnel() };
  expect(after.process.pid).toBe(before.process.pid);
  expect(after.tunnel).toMatchObject({
    ike: "ESTABLISHED",
    initiatorSpi: before.tunnel.initiatorSpi,
    children: [{ spiIn: before.tunnel.children[0]!.spiIn, spiOut: before.tunnel.children[0]!.spiOut }],
  });
  const drops = (status: ProcessStatus): number =>
    Object.values(status.dataPlane.drops).reduce((sum, count) => sum + count, 0);
  expect(
    drops(after.process) - drops(before.process),
    JSON.stringify(after.process.dataPlane.drops),
  ).toBeGreaterThan(COUNT / 20);

  for (const answer of Object.keys(answers))
    expect(
      ALLOWED.some((pattern) => pattern.test(answer)),
      `an answer that may not be: ${answer}`,
    ).toBe(true);
  const unprotected = Object.entries(answers).filter(([answer]) => answer.includes("notify"));
  const total = unprotected.reduce((sum, [, count]) => sum + count, 0);
  expect(total, "unprotected answers are few: nobody is flooded by us").toBeLessThan(COUNT / 10);
}

describe.each(["esp", "udp"] as const)("malformed packets, encapsulation %s", (encapsulation) => {
  const lab = new UserLab();
  beforeAll(async () => {
    await lab.up(withEncapsulation(encapsulation));
  });
  afterAll(() => lab.down());

  it("goes on forwarding with the same SAs, counts the drops, and answers only as it may", () => flood(lab));

  if (encapsulation === "esp") return;
  it("drops each kind of malformed ESP in UDP under its own name, and answers none", async () => {
    const file = await captureOfPeer(lab);
    const before = { process: await processStatus(lab), tunnel: await lab.tunnel() };
    expect(before.tunnel.children[0]?.encapsulated).toBe(true);
    const words = [process.execPath, ESP_IN_UDP, file, DEVICE, GATEWAY, String(OF_EACH_KIND), String(SEED)];
    const { sent, answers } = JSON.parse(await lab.mustExec("device1", words)) as {
      sent: Record<string, number>;
      answers: number;
    };
    expect(
      (await lab.exec("vnet1-host", ["ping", "-q", "-c", "10", "-i", "0.05", SITE_HOST])).stdout,
    ).toMatch(/ 0% packet loss/);
    const after = { process: await processStatus(lab), tunnel: await lab.tunnel() };
    const raised = (name: string): number =>
      (after.process.dataPlane.drops[name] ?? 0) - (before.process.dataPlane.drops[name] ?? 0);
    const { "ike-garbage": garbage = 0, ...espKinds } = sent;
    expect(Object.keys(espKinds)).toHaveLength(6);
    for (const [name, count] of Object.entries(espKinds)) {
      expect(count, name).toBe(OF_EACH_KIND);
      expect(raised(name), `counter ${name}`).toBeGreaterThanOrEqual(OF_EACH_KIND);
    }
    const ike = (status: ProcessStatus): number => status.dataPlane.counters.ikeIn ?? 0;
    expect(ike(after.process) - ike(before.process)).toBeGreaterThanOrEqual(garbage);
    // Of the garbage behind the marker some is long enough for a header of another version (RFC 7296 §2.5), which may be answered.
    expect(answers).toBeLessThan(OF_EACH_KIND / 2);
    expect(after.process.pid).toBe(before.process.pid);
    expect(after.tunnel.initiatorSpi).toBe(before.tunnel.initiatorSpi);
    expect(after.tunnel.children[0]?.spiIn).toBe(before.tunnel.children[0]?.spiIn);
  });
});
