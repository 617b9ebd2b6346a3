import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine.ts";
import {
  type NodeBehaviour,
  SimulatedTcp,
  Simulation,
  type TcpEvent,
  type TcpSegment,
} from "../../src/testing/index.ts";

type Command =
  | { kind: "connect"; connection: number; localPort?: number }
  | { kind: "write"; connection: number; text: string }
  | { kind: "close"; connection: number; abort: boolean };

/** An engine that does what it is told and writes down what happens. */
class Scripted implements Engine<TcpEvent | Command, Command> {
  readonly events: TcpEvent[] = [];
  readonly #effects: Command[] = [];
  handle(input: TcpEvent | Command): void {
    if (input.kind.startsWith("tcp-")) this.events.push(input as TcpEvent);
    else this.#effects.push(input as Command);
  }
  handleTimeout(): void {}
  poll(): Command | undefined {
    return this.#effects.shift();
  }
  nextTimeout(): undefined {
    return undefined;
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

function host(
  engine: Scripted,
  own: string,
  other: string,
): NodeBehaviour<TcpEvent | Command, Command, TcpSegment> {
  const tcp = new SimulatedTcp({ listen: [179] });
  return {
    engine,
    receive: () => undefined,
    arrive: (segment) => tcp.receive(segment),
    perform(effect) {
      if (effect.kind === "connect")
        return tcp.connect({ remotePort: 179, localAddress: own, remote: other, ...effect });
      if (effect.kind === "write") return tcp.write(effect.connection, bytes(effect.text));
      return tcp.close(effect.connection, effect.abort);
    },
  };
}

function pair() {
  const simulation = new Simulation<TcpSegment>({ link: { delay: 10, jitter: 20, ordered: true } });
  const [left, right] = [new Scripted(), new Scripted()];
  const a = simulation.addNode("a", host(left, "10.0.0.1", "10.0.0.2"));
  const b = simulation.addNode("b", host(right, "10.0.0.2", "10.0.0.1"));
  const texts = (engine: Scripted) =>
    engine.events
      .flatMap((event) => (event.kind === "tcp-data" ? [String.fromCharCode(...event.bytes)] : []))
      .join("");
  return { simulation, a, b, left, right, texts };
}

describe("SimulatedTcp", () => {
  it("connects, carries bytes in order both ways, and closes after what was written", () => {
    const { simulation, a, b, left, right, texts } = pair();
    a.input({ kind: "connect", connection: -1 });
    simulation.run(100);
    expect(left.events).toEqual([
      { kind: "tcp-connected", connection: -1, localAddress: "10.0.0.1", localPort: 49_152 },
    ]);
    expect(right.events).toMatchObject([
      { kind: "tcp-accepted", connection: 1, remote: "10.0.0.1", remotePort: 49_152 },
    ]);
    for (const text of ["one ", "two ", "three"]) a.input({ kind: "write", connection: -1, text });
    b.input({ kind: "write", connection: 1, text: "hello" });
    a.input({ kind: "close", connection: -1, abort: false });
    simulation.run(100);
    expect(texts(right)).toBe("one two three");
    expect(right.events.at(-1)).toEqual({ kind: "tcp-closed", connection: 1, reason: "closed by peer" });
    expect(left.events.filter(({ kind }) => kind === "tcp-closed")).toEqual([]);
  });

  it("refuses where nobody listens, and resets what nobody knows", () => {
    const { simulation, a, b, left, right } = pair();
    a.input({ kind: "connect", connection: -1 });
    simulation.run(100);
    // The right process is killed and another one starts: it knows nothing of the connection.
    b.halt();
    simulation.addNode("b", {
      ...host(new Scripted(), "10.0.0.2", "10.0.0.1"),
      arrive: (segment) => new SimulatedTcp().receive(segment),
    });
    a.input({ kind: "write", connection: -1, text: "still there?" });
    simulation.run(100);
    expect(left.events.at(-1)).toEqual({ kind: "tcp-closed", connection: -1, reason: "reset by peer" });
    a.input({ kind: "connect", connection: -2 });
    simulation.run(100);
    expect(left.events.at(-1)).toEqual({ kind: "tcp-closed", connection: -2, reason: "connection refused" });
    expect(right.events.map(({ kind }) => kind)).toEqual(["tcp-accepted"]);
  });

  it("is silent over a cut link, and resets the stream that lost something", () => {
    const { simulation, a, left, right } = pair();
    a.input({ kind: "connect", connection: -1 });
    simulation.run(100);
    simulation.setLink({ cut: true });
    a.input({ kind: "write", connection: -1, text: "lost" });
    simulation.run(100);
    expect(right.events.map(({ kind }) => kind)).toEqual(["tcp-accepted"]);
    simulation.setLink({ delay: 10, ordered: true });
    a.input({ kind: "write", connection: -1, text: "after" });
    simulation.run(100);
    expect(right.events.at(-1)).toEqual({
      kind: "tcp-closed",
      connection: 1,
      reason: "the stream has a gap",
    });
    expect(left.events.at(-1)).toEqual({ kind: "tcp-closed", connection: -1, reason: "reset by peer" });
  });

  it("lets a restarted peer use its old port again", () => {
    const { simulation, a, left, right } = pair();
    a.input({ kind: "connect", connection: -1, localPort: 50_000 });
    simulation.run(100);
    a.halt();
    const restarted = simulation.addNode("a", host(left, "10.0.0.1", "10.0.0.2"));
    restarted.input({ kind: "connect", connection: -2, localPort: 50_000 });
    simulation.run(100);
    expect(right.events.map(({ kind, connection }) => [kind, connection])).toEqual([
      ["tcp-accepted", 1],
      ["tcp-closed", 1],
      ["tcp-accepted", 2],
    ]);
    expect(left.events.at(-1)).toMatchObject({ kind: "tcp-connected", connection: -2 });
  });
});
