/**
 * What a handshake costs the engine itself, both sides in one thread, no sockets:
 *
 *      node packages/ike/bench/handshake.ts [HANDSHAKES] [GROUP]
 *
 * Prints microseconds of processor time per handshake: the mathematics of the key exchange, and everything else of either side.
 */
import { randomBytes, randomInt } from "node:crypto";
import { type CryptoJob, type GroupName, runCryptoJob } from "@tandem/crypto";
import {
  type EspProposal,
  type IkeConnection,
  IkeEndpoint,
  type IkeProposal,
  selectorOfText,
} from "../src/index.ts";

const count = Number(process.argv[2] ?? "2000");
const group = (process.argv[3] ?? "ecp256") as GroupName;
const WARM_UP = 500;

const random = { bytes: (n: number) => new Uint8Array(randomBytes(n)), below: (n: number) => randomInt(n) };
const initiator = new IkeEndpoint({ random, name: "i" });
const responder = new IkeEndpoint({ random, name: "r" });
const GCM = { name: "aes-gcm-16", keyBits: 128 } as const;
const ike: IkeProposal = { encryption: [GCM], integrity: [], prf: ["prf-hmac-sha256"], groups: [group] };
const esp: EspProposal = { encryption: [GCM], integrity: [], groups: ["none"], esn: [false] };
const any = [selectorOfText("10.0.0.0/8")!];
const base = {
  connection: "bench",
  authentication: { method: "psk", secret: new Uint8Array(32).fill(7) },
  ike: { offer: [ike], accept: [ike] },
  esp: { offer: [esp], accept: [esp] },
  ikeLifetime: 28_800_000,
  childLifetime: 27_000_000,
  dpdTimeout: 3_600_000,
  children: [{ name: "net", local: any, remote: any }],
  responderSelectors: "any",
  forceEncapsulation: false,
} as const satisfies Partial<IkeConnection>;

/** Run once more at the end and timed in one go: asking for the processor time costs as much as a key pair. */
const jobs: CryptoJob[] = [];
let ups = 0;

function drain(from: IkeEndpoint, to: IkeEndpoint): void {
  for (let effect = from.poll(); effect !== undefined; effect = from.poll()) {
    if (effect.kind === "crypto-job") {
      jobs.push(effect.job);
      from.handle(
        { kind: "crypto-result", id: effect.id, result: runCryptoJob(effect.job) },
        performance.now(),
      );
    } else if (effect.kind === "transmit") {
      const { local, localPort, remote, remotePort, payload } = effect;
      to.handle(
        {
          kind: "datagram",
          local: remote,
          localPort: remotePort,
          remote: local,
          remotePort: localPort,
          payload,
        },
        performance.now(),
      );
      drain(to, from);
    } else if (effect.kind === "child-sa-up") ups++;
  }
}

function handshake(number: number): void {
  const localId = `client-${number}.bench.test`;
  const connection: IkeConnection = {
    ...base,
    tunnel: localId,
    local: ["192.0.2.1"],
    remote: "192.0.2.2",
    mode: "InitiatorOnly",
    localId,
    remoteId: "bench.test",
  };
  initiator.handle({ kind: "connection-set", connection }, performance.now());
  drain(initiator, responder);
}

responder.handle(
  {
    kind: "connection-set",
    connection: {
      ...base,
      tunnel: "load",
      local: ["192.0.2.2"],
      remote: null,
      mode: "ResponderOnly",
      localId: "bench.test",
      remoteId: "%any",
    },
  },
  performance.now(),
);
for (let i = 0; i < WARM_UP; i++) handshake(i);
jobs.length = 0;
ups = 0;
const all = processorTime(() => {
  for (let i = 0; i < count; i++) handshake(WARM_UP + i);
});
if (ups !== 2 * count) throw new Error(`${ups / 2} of ${count} handshakes came to their end`);
const mathematics = processorTime(() => {
  for (const job of jobs) runCryptoJob(job);
});
process.stdout.write(
  `${group}: ${all.toFixed(0)} us per handshake of both sides, ${mathematics.toFixed(0)} us of it key exchange, ` +
    `${(all - mathematics).toFixed(0)} us the engines\n`,
);

/** Microseconds per handshake. */
function processorTime(work: () => void): number {
  const begun = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / count;
}
