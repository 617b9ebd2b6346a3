/**
 * One IkeEndpoint over real UDP sockets: `ip netns exec NETNS node ike-node.ts '{"addresses": [..]}'`, spoken to over the
 * IPC channel (tandem-peer.ts). ESP in UDP is answered by esp-echo.ts; there are no interfaces and no routes.
 */
import { randomBytes, randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { runCryptoJob } from "@tandem/crypto";
import {
  type Datagram,
  type IkeEffect,
  IkeEndpoint,
  type IkeInput,
  type IkeLimits,
} from "../../src/index.ts";
import { EspEcho } from "./esp-echo.ts";

export interface NodeOptions {
  readonly addresses: readonly string[];
}

export type NodeRequest =
  | { readonly kind: "input"; readonly input: IkeInput }
  /** A new engine that knows nothing: the next case. */
  | { readonly kind: "reset"; readonly limits: IkeLimits }
  | { readonly kind: "snapshot"; readonly id: number }
  /** Sends the first IKE_SA_INIT request once more with other SPIs, `count` times: half-open SAs for the peer. */
  | { readonly kind: "half-open"; readonly count: number }
  | { readonly kind: "stop" };

export interface ChildSnapshot {
  readonly childSa: string;
  readonly policy: string;
  readonly spiIn: string;
  readonly spiOut: string;
  readonly encryption: string;
  readonly keyBits: number;
  readonly integrity: string;
  readonly esn: boolean;
  readonly encapsulated: boolean;
  readonly localSelectors: readonly string[];
  readonly remoteSelectors: readonly string[];
}

export interface IkeSnapshot {
  readonly ikeSa: string;
  readonly tunnel: string;
  readonly initiator: boolean;
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  readonly remotePort: number;
  readonly children: readonly ChildSnapshot[];
}

export interface Wire {
  /** Messages by exchange, `IKE_SA_INIT request` and the like, counted; `SKF` are fragments. */
  readonly sent: Record<string, number>;
  readonly received: Record<string, number>;
}

export interface NodeSnapshot {
  readonly ikeSas: readonly IkeSnapshot[];
  readonly wire: Wire;
  readonly drops: Record<string, number>;
  readonly espPackets: Record<string, number>;
  readonly espFailures: number;
}

export type NodeMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "effect"; readonly effect: IkeEffect }
  | { readonly kind: "snapshot"; readonly id: number; readonly snapshot: NodeSnapshot };

const MARKER = Buffer.alloc(4);
const EXCHANGES: Readonly<Record<number, string>> = {
  34: "IKE_SA_INIT",
  35: "IKE_AUTH",
  36: "CREATE_CHILD_SA",
  37: "INFORMATIONAL",
};
const SKF = 53;

const options = JSON.parse(process.argv[2]!) as NodeOptions;
let endpoint = newEndpoint({});
const sockets = new Map<string, Socket>();
let esp = new EspEcho();
let wire: Wire = { sent: {}, received: {} };
let timer: NodeJS.Timeout | undefined;
let firstRequest: Datagram | undefined;

function newEndpoint(limits: IkeLimits): IkeEndpoint {
  return new IkeEndpoint({
    random: { bytes: (length) => Uint8Array.from(randomBytes(length)), below: (bound) => randomInt(bound) },
    unixTimeAtZero: performance.timeOrigin,
    limits,
  });
}

const tell = (message: NodeMessage): void => void process.send?.(message);

function count(into: Record<string, number>, message: Uint8Array): void {
  const response = (message[19]! & 0x20) !== 0;
  const fragment = message[16] === SKF ? " SKF" : "";
  const name = `${EXCHANGES[message[18]!] ?? message[18]} ${response ? "response" : "request"}${fragment}`;
  into[name] = (into[name] ?? 0) + 1;
}

function give(input: IkeInput): void {
  endpoint.handle(input, performance.now());
  drain();
}

function drain(): void {
  for (let effect = endpoint.poll(); effect !== undefined; effect = endpoint.poll()) carryOut(effect);
  clearTimeout(timer);
  const next = endpoint.nextTimeout();
  if (next === undefined) return;
  timer = setTimeout(
    () => {
      endpoint.handleTimeout(performance.now());
      drain();
    },
    Math.max(0, Math.ceil(next - performance.now())),
  );
}

function carryOut(effect: IkeEffect): void {
  switch (effect.kind) {
    case "transmit":
      if (effect.payload[18] === 34 && (effect.payload[19]! & 0x20) === 0) firstRequest = effect;
      count(wire.sent, effect.payload);
      transmit(effect);
      return;
    case "nat-keepalive":
      send(effect, Uint8Array.of(0xff));
      return;
    case "crypto-job": {
      const { id, job } = effect;
      const asker = endpoint;
      setImmediate(() => {
        if (endpoint === asker) give({ kind: "crypto-result", id, result: runCryptoJob(job) });
      });
      return;
    }
    case "child-sa-up":
      esp.add(effect);
      break;
    case "child-sa-outbound-ready":
      esp.outboundReady(effect.childSa);
      break;
    case "child-sa-down":
      esp.remove(effect.spiIn);
      break;
    default:
  }
  tell({ kind: "effect", effect });
}

type Path = Omit<Datagram, "payload">;

function transmit(datagram: Datagram): void {
  const { payload } = datagram;
  send(datagram, datagram.localPort === 4500 ? Buffer.concat([MARKER, payload]) : payload);
}

function send({ local, localPort, remote, remotePort }: Path, payload: Uint8Array): void {
  sockets.get(`${local} ${localPort}`)?.send(payload, remotePort, remote, () => {
    // A cut link refuses; the peer's silence tells the engine.
  });
}

function receive(path: Path, bytes: Uint8Array): void {
  const marked = path.localPort === 4500;
  if (marked && bytes.length < 8) return;
  if (marked && MARKER.compare(bytes, 0, 4) !== 0) {
    const answer = esp.receive(bytes);
    if (answer === undefined) return;
    give({ kind: "esp-received", childSa: answer.childSa });
    if (answer.reply !== undefined) send(path, answer.reply);
    return;
  }
  const payload = Uint8Array.from(marked ? bytes.subarray(4) : bytes);
  if (payload.length >= 28) count(wire.received, payload);
  give({ kind: "datagram", ...path, payload });
}

function snapshot(): NodeSnapshot {
  const hex = (spi: number): string => spi.toString(16).padStart(8, "0");
  const text = (one: { startAddress: string; endAddress: string }): string =>
    `${one.startAddress}-${one.endAddress}`;
  return {
    ikeSas: endpoint.exportIkeSas().map((sa) => ({
      ikeSa: sa.ikeSa,
      tunnel: sa.tunnel,
      initiator: sa.initiator,
      initiatorSpi: sa.initiatorSpi,
      responderSpi: sa.responderSpi,
      remotePort: sa.remotePort,
      children: sa.children.map((child) => ({
        childSa: child.childSa,
        policy: child.policy,
        spiIn: hex(child.spiIn),
        spiOut: hex(child.spiOut),
        encryption: child.suite.encryption,
        keyBits: child.suite.keyBits,
        integrity: child.suite.integrity,
        esn: child.esn,
        encapsulated: child.endpoints.udp !== undefined,
        localSelectors: child.localSelectors.map(text),
        remoteSelectors: child.remoteSelectors.map(text),
      })),
    })),
    wire,
    drops: { ...endpoint.drops },
    espPackets: esp.packets,
    espFailures: esp.failures,
  };
}

process.on("message", (request: NodeRequest) => {
  switch (request.kind) {
    case "input":
      give(request.input);
      return;
    case "reset":
      endpoint = newEndpoint(request.limits);
      esp = new EspEcho();
      wire = { sent: {}, received: {} };
      firstRequest = undefined;
      clearTimeout(timer);
      return;
    case "snapshot":
      tell({ kind: "snapshot", id: request.id, snapshot: snapshot() });
      return;
    case "half-open":
      if (firstRequest === undefined) throw new Error("nothing was sent yet");
      for (let i = 0; i < request.count; i++) {
        const payload = firstRequest.payload.slice();
        payload.set(randomBytes(8), 0);
        transmit({ ...firstRequest, payload });
      }
      return;
    case "stop":
      process.exit(0);
  }
});
process.on("disconnect", () => process.exit(0));

for (const address of options.addresses) {
  for (const port of [500, 4500]) {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (bytes, from) =>
      receive({ local: address, localPort: port, remote: from.address, remotePort: from.port }, bytes),
    );
    await new Promise<void>((resolve) => socket.bind(port, address, resolve));
    sockets.set(`${address} ${port}`, socket);
  }
}
tell({ kind: "ready" });
