import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord, recordEngine, replayEngine } from "../src/index.ts";
import { Simulation } from "../src/testing/index.ts";
import { type Message, StopAndWait, stopAndWaitNode } from "./testing/stop-and-wait.ts";

class Secret extends Uint8Array {
  toJSON(): string {
    return "secret";
  }
}

describe("record codec", () => {
  it("brings every value back", () => {
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.bigInt(),
        fc.uint8Array({ maxLength: 40 }),
      ),
      tree: fc.oneof(
        { maxDepth: 4 },
        tie("leaf"),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(
          fc.string().filter((key) => !key.startsWith("$") && key !== "__proto__"),
          tie("tree"),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(decodeRecord(encodeRecord(value))).toEqual(value);
      }),
    );
  });

  it("writes a secret as its length, and refuses to replay that", () => {
    const secret = Secret.of(1, 2, 3);
    expect(encodeRecord({ key: secret })).toBe('{"key":{"$secret":3}}');
    expect(() => decodeRecord('{"key":{"$secret":3}}')).toThrow("cannot be replayed");
    expect(encodeRecord({ key: secret }, { includeSecrets: true })).toBe('{"key":{"$bytes":"010203"}}');
  });

  it("refuses keys that would be mistaken for its own", () => {
    expect(() => encodeRecord({ $bytes: "zz" })).toThrow("$bytes");
  });
});

describe("recordEngine and replayEngine", () => {
  function recorded(): string[] {
    const lines: string[] = [];
    const simulation = new Simulation<Message>({ seed: 5, link: { delay: 20, loss: 0.4, duplicate: 0.2 } });
    const node = stopAndWaitNode();
    const a = simulation.addNode("a", {
      ...node,
      engine: recordEngine(node.engine, (line) => lines.push(line)),
    });
    simulation.addNode("b", stopAndWaitNode());
    a.input({ kind: "say", text: "one" }, { kind: "say", text: "two" }, { kind: "say", text: "three" });
    simulation.run(5_000);
    return lines;
  }

  it("gives the same effects again", () => {
    const lines = recorded();
    expect(lines.length).toBeGreaterThan(8);
    expect(replayEngine(lines, new StopAndWait())).toBeUndefined();
  });

  it("names the first line that differs", () => {
    const lines = recorded();
    const index = lines.findIndex((line) => line.includes('"text":"two"') && line.includes("effect"));
    const changed = lines.with(index, lines[index]!.replace("two", "2"));
    expect(replayEngine(changed, new StopAndWait())).toMatchObject({ line: index + 1 });
    expect(replayEngine(lines.toSpliced(index, 1), new StopAndWait())).toMatchObject({ recorded: undefined });
  });
});
