/**
 * A load of IKE initiators for `bench ike`: the product's own engine with many connections, from one process, over UDP.
 *
 *      node ike-load.ts '{"local": ["198.18.0.1"], "remote": "198.18.0.2", "work": "handshakes", ...}'
 *
 *      handshakes   keeps `concurrency` handshakes under way for `seconds`, or until `count` are done
 *      rekeys       makes `count` tunnels, then rekeys the Child SA of each again and again for `seconds`, after `warmUp` of them
 *      liveness     makes `count` tunnels, then times their liveness exchanges for `seconds`
 *
 * Prints {"up": true} when its tunnels stand (and are warm), one line with the result at the end, and with `hold` lives on until its
 * standard input ends. Whoever answers is measured, so this side spares itself work: key pairs are used again.
 */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { type CryptoJob, type CryptoResult, type GroupName, runCryptoJob } from "@tandem/crypto";
import {
  type Datagram,
  type EspProposal,
  type IkeConnection,
  type IkeEffect,
  IkeEndpoint,
  type IkeInput,
  type IkeProposal,
  selectorOfText,
} from "@tandem/ike";

export interface IkeLoadOptions {
  /** Used in turn. */
  readonly local: readonly string[];
  readonly remote: string;
  readonly remoteId: string;
  readonly secret: string;
  readonly group: GroupName;
  readonly work: "handshakes" | "rekeys" | "liveness";
  readonly seconds: number;
  readonly concurrency: number;
  readonly count?: number;
  /** Rekeys that are made before the clock starts. */
  readonly warmUp?: number;
  readonly hold?: boolean;
  /** Tells the identities of several processes apart. */
  readonly name: string;
}

export interface IkeLoadResult {
  readonly done: number;
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly firstFailure?: string;
}

const options = JSON.parse(process.argv[2]!) as IkeLoadOptions;
const MARKER = new Uint8Array(4);
const NAT_T_PORT = 4500;
const INFORMATIONAL = 37;
const RESPONSE = 0x20;
/** A burst of answers waits here while this process computes. */
const SOCKET_BUFFER = 4 * 1024 * 1024;
const LIVENESS_TIMEOUT = 1_500;

const endpoint = new IkeEndpoint({
  random: {
    bytes: (length) => new Uint8Array(randomBytes(length)),
    below: (bound) => Math.floor((randomBytes(4).readUInt32BE() / 0x1_0000_0000) * bound),
  },
});
const sockets = new Map<string, Socket>();
const begun = new Map<string, number>();
const latencies: number[] = [];
const asked = new Map<string, number>();
let made = 0;
let up = 0;
let failed = 0;
let firstFailure: string | undefined;
let measuring = false;
let timer: NodeJS.Timeout | undefined;
let settled: () => void = () => {};

const IKE: IkeProposal = {
  encryption: [{ name: "aes-gcm-16", keyBits: 128 }],
  integrity: [],
  prf: ["prf-hmac-sha256"],
  groups: [options.group],
};
const ESP: EspProposal = {
  encryption: [{ name: "aes-gcm-16", keyBits: 128 }],
  integrity: [],
  groups: options.work === "rekeys" ? [options.group] : ["none"],
  esn: [false],
};
const REMOTE_SELECTOR = selectorOfText("10.255.0.0/16")!;

function connection(number: number): IkeConnection {
  const name = `${options.name}-${number}`;
  const inside = `10.${options.name.charCodeAt(0) % 100}.${(number >> 8) & 255}.${number & 255}`;
  return {
    tunnel: name,
    connection: name,
    local: [options.local[number % options.local.length]!],
    remote: options.remote,
    mode: "InitiatorOnly",
    localId: `${name}.load.test`,
    remoteId: options.remoteId,
    authentication: { method: "psk", secret: new TextEncoder().encode(options.secret) },
    ike: { offer: [IKE], accept: [IKE] },
    esp: { offer: [ESP], accept: [ESP] },
    ikeLifetime: 28_800_000,
    childLifetime: 27_000_000,
    dpdTimeout: options.work === "liveness" ? LIVENESS_TIMEOUT : 3_600_000,
    children: [{ name: "net", local: [selectorOfText(inside)!], remote: [REMOTE_SELECTOR] }],
    responderSelectors: "any",
    forceEncapsulation: false,
  };
}

const keyPairs: CryptoResult[] = [];

function compute(job: CryptoJob): CryptoResult {
  if (job.kind !== "generate-key-pair") return runCryptoJob(job);
  if (keyPairs.length < 8) keyPairs.push(runCryptoJob(job));
  return keyPairs[made % keyPairs.length]!;
}

function give(input: IkeInput): void {
  endpoint.handle(input, performance.now());
  drain();
}

function drain(): void {
  for (let effect = endpoint.poll(); effect !== undefined; effect = endpoint.poll()) carryOut(effect);
  rearm();
}

let armedFor: number | undefined;

function rearm(): void {
  const next = endpoint.nextTimeout();
  if (next === armedFor) return;
  clearTimeout(timer);
  armedFor = next;
  if (next === undefined) return;
  timer = setTimeout(
    () => {
      armedFor = undefined;
      endpoint.handleTimeout(performance.now());
      drain();
    },
    Math.max(0, Math.ceil(next - performance.now())),
  );
}

function carryOut(effect: IkeEffect): void {
  switch (effect.kind) {
    case "transmit":
      transmit(effect);
      return;
    case "crypto-job":
      endpoint.handle(
        { kind: "crypto-result", id: effect.id, result: compute(effect.job) },
        performance.now(),
      );
      return;
    case "child-sa-up":
      isUp(effect.tunnel, effect.replaces !== undefined);
      return;
    case "ike-failed":
    case "ike-sa-down":
      if (effect.cause === "rekeyed") return;
      failed++;
      firstFailure ??= effect.reason;
      return;
    default:
  }
}

function transmit({ local, localPort, remote, remotePort, payload }: Datagram): void {
  const isRequest = (payload[19]! & RESPONSE) === 0;
  if (isRequest && payload[18] === INFORMATIONAL) {
    const key = exchangeKey(payload);
    if (!asked.has(key)) asked.set(key, performance.now());
  }
  const bytes = localPort === NAT_T_PORT ? [MARKER, payload] : payload;
  sockets.get(`${local} ${localPort}`)!.send(bytes as Uint8Array, remotePort, remote);
}

/** Both SPIs and the message ID. */
const exchangeKey = (message: Uint8Array): string =>
  `${Buffer.from(message.buffer, message.byteOffset, 16).toString("latin1")}${message[20]}.${message[21]}.${message[22]}.${message[23]}`;

function receive(
  local: string,
  localPort: number,
  bytes: Uint8Array,
  from: { address: string; port: number },
): void {
  const marked = localPort === NAT_T_PORT;
  if (marked && (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0))
    return;
  const payload = new Uint8Array(marked ? bytes.subarray(4) : bytes);
  if (payload[18] === INFORMATIONAL && (payload[19]! & RESPONSE) !== 0) {
    const key = exchangeKey(payload);
    const at = asked.get(key);
    asked.delete(key);
    if (measuring && options.work === "liveness" && at !== undefined) latencies.push(performance.now() - at);
  }
  give({ kind: "datagram", local, localPort, remote: from.address, remotePort: from.port, payload });
}

function dial(): void {
  const one = connection(made++);
  begun.set(one.tunnel, performance.now());
  endpoint.handle({ kind: "connection-set", connection: one }, performance.now());
}

function isUp(tunnel: string, rekeyed: boolean): void {
  const at = begun.get(tunnel);
  if (!rekeyed) up++;
  if (measuring && at !== undefined && options.work !== "liveness") latencies.push(performance.now() - at);
  if (options.work === "rekeys") {
    // The old SA's DELETE goes first: a rekey is both exchanges.
    if (measuring) setImmediate(() => rekey(tunnel));
  } else if (
    options.work === "handshakes" &&
    measuring &&
    made < (options.count ?? Number.POSITIVE_INFINITY)
  ) {
    setImmediate(() => {
      if (!measuring) return;
      dial();
      drain();
    });
  }
  settled();
}

function rekey(tunnel: string): void {
  if (!measuring) return;
  begun.set(tunnel, performance.now());
  give({ kind: "rekey", tunnel, what: "child" });
}

/** Resolves when `holds`, which is asked after every change. */
function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    settled = () => {
      if (holds()) resolve();
    };
    settled();
  });
}

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function handshakes(): Promise<number> {
  const start = performance.now();
  measuring = true;
  for (let i = 0; i < Math.min(options.concurrency, options.count ?? options.concurrency); i++) dial();
  drain();
  const { count } = options;
  if (count === undefined) await pause(options.seconds);
  else await until(() => up + failed >= count);
  measuring = false;
  return (performance.now() - start) / 1000;
}

/** `count` tunnels, `concurrency` at a time. */
async function establish(): Promise<void> {
  const count = options.count ?? 1;
  while (made < count) {
    const batch = Math.min(count, made + options.concurrency);
    while (made < batch) dial();
    drain();
    await until(() => up + failed >= batch);
  }
}

async function run(): Promise<IkeLoadResult> {
  for (const local of options.local) {
    for (const port of [500, NAT_T_PORT]) {
      const socket = createSocket("udp4");
      socket.on("message", (bytes, from) => receive(local, port, bytes, from));
      await new Promise<void>((resolve) => socket.bind(port, local, resolve));
      socket.setRecvBufferSize(SOCKET_BUFFER);
      sockets.set(`${local} ${port}`, socket);
    }
  }
  let seconds: number;
  if (options.work === "handshakes") seconds = await handshakes();
  else {
    await establish();
    measuring = true;
    if (options.work === "rekeys") {
      for (let i = 0; i < made; i++) rekey(`${options.name}-${i}`);
      await until(() => latencies.length >= (options.warmUp ?? 0));
      latencies.length = 0;
    }
    process.stdout.write('{"up":true}\n');
    const start = performance.now();
    await pause(options.seconds);
    measuring = false;
    seconds = (performance.now() - start) / 1000;
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    done: latencies.length,
    failed,
    seconds,
    latency: { p50: at(0.5), p99: at(0.99), max: at(1) },
    ...(firstFailure === undefined ? {} : { firstFailure }),
  };
}

const result = await run();
process.stdout.write(`${JSON.stringify(result)}\n`);
if (options.hold === true) {
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
} else process.exit(0);
