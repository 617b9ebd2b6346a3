import { connect, createServer } from "node:net";
import type { BgpInput } from "@tandem/bgp";
import { afterEach, describe, expect, it } from "vitest";
import { type TcpSockets, TcpTransport } from "../../src/bgp/tcp-transport.ts";

const transports: TcpTransport[] = [];
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.stop(true)));
});

/** Ordinary sockets of the loopback, and a record of the keys that listeners were given. */
function loopback() {
  const keys: string[] = [];
  const ports: number[] = [];
  const sockets: TcpSockets = {
    dial: (options, signal) =>
      new Promise((resolve, reject) => {
        const socket = connect(options.remotePort, options.remote);
        socket.once("connect", () => resolve(socket));
        socket.once("error", reject);
        signal.addEventListener("abort", () => socket.destroy(new Error("given up")));
      }),
    listen: (options) =>
      new Promise((resolve) => {
        const server = createServer();
        server.listen(options.port, options.address, () => {
          ports.push((server.address() as { port: number }).port);
          resolve({
            server,
            setMd5Key: (neighbor, key) => keys.push(`${neighbor}=${key ?? "none"}`),
            close: () => server.close(),
          });
        });
      }),
  };
  return { sockets, keys, ports };
}

function transport(sockets: TcpSockets) {
  const inputs: BgpInput[] = [];
  const warnings: string[] = [];
  let wake: () => void = () => {};
  const made = new TcpTransport({
    sockets,
    input: (input) => {
      inputs.push(input.kind === "tcp-data" ? { ...input, bytes: input.bytes.slice() } : input);
      wake();
    },
    md5Key: () => undefined,
    warn: (message) => warnings.push(message),
  });
  transports.push(made);
  const until = async <K extends BgpInput["kind"]>(kind: K): Promise<Extract<BgpInput, { kind: K }>> => {
    for (;;) {
      const found = inputs.find((input) => input.kind === kind);
      if (found !== undefined) return found as Extract<BgpInput, { kind: K }>;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { made, inputs, warnings, until };
}

const peer = { peer: "p", md5: false } as const;

async function connected() {
  const { sockets, ports } = loopback();
  const near = transport(sockets);
  const far = transport(sockets);
  far.made.listen({ address: "127.0.0.1", port: 0 }, new Map());
  while (ports.length === 0) await new Promise((resolve) => setImmediate(resolve));
  near.made.connect({
    kind: "connect",
    connection: -1,
    localAddress: "127.0.0.1",
    remote: "127.0.0.1",
    remotePort: ports[0]!,
    ...peer,
  });
  const accepted = await far.until("tcp-accepted");
  await near.until("tcp-connected");
  return { near, far, accepted };
}

describe("TcpTransport", () => {
  it("carries bytes, and reports them written when they have left", async () => {
    const { near, far, accepted } = await connected();
    near.made.write({ kind: "write", connection: -1, peer: "p", bytes: Uint8Array.of(1, 2, 3) });
    expect((await near.until("tcp-written")).bytes).toBe(3);
    const data = await far.until("tcp-data");
    expect([...data.bytes]).toEqual([1, 2, 3]);
    expect(data.connection).toBe(accepted.connection);
  });

  it("tells the other end of a close, and says nothing of its own", async () => {
    const { near, far } = await connected();
    near.made.close({ kind: "close", connection: -1, peer: "p", abort: true });
    expect((await far.until("tcp-closed")).reason).toMatch(/ECONNRESET|closed/);
    expect(near.inputs.some((input) => input.kind === "tcp-closed")).toBe(false);
  });

  it("answers a dial that is refused, and keeps quiet about one that was called off", async () => {
    const { sockets } = loopback();
    const { made, until, inputs } = transport(sockets);
    const dial = {
      kind: "connect",
      localAddress: "127.0.0.1",
      remote: "127.0.0.1",
      remotePort: 1,
      ...peer,
    } as const;
    made.connect({ ...dial, connection: -1 });
    made.connect({ ...dial, connection: -2 });
    made.close({ kind: "close", connection: -2, peer: "p", abort: false });
    expect(await until("tcp-closed")).toMatchObject({ connection: -1, reason: "ECONNREFUSED" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(inputs.filter((input) => input.kind === "tcp-closed")).toHaveLength(1);
  });

  it("brings a listener's keys up to date without opening it again", async () => {
    const { sockets, keys, ports } = loopback();
    const { made } = transport(sockets);
    const options = { address: "127.0.0.1", port: 0 };
    made.listen(options, new Map([["10.0.0.1", "a"]]));
    made.listen(
      options,
      new Map([
        ["10.0.0.1", "b"],
        ["10.0.0.2", "c"],
      ]),
    );
    made.listen(options, new Map([["10.0.0.2", "c"]]));
    while (keys.length < 4) await new Promise((resolve) => setImmediate(resolve));
    expect(keys).toEqual(["10.0.0.1=a", "10.0.0.1=b", "10.0.0.2=c", "10.0.0.1=none"]);
    expect(ports).toHaveLength(1);
  });
});
