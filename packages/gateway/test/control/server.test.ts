import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAX_CONTROL_LINE } from "@tandem/contract";
import { afterEach, describe, expect, it } from "vitest";
import { ControlRefusal, ControlServer } from "../../src/control/server.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "tandem-control-"));
  const path = join(folder, "control.sock");
  const faults: string[] = [];
  const server = new ControlServer(
    {
      echo: (params) => params,
      refuse: () => {
        throw new ControlRefusal("no", "try echo");
      },
      crash: () => {
        throw new Error("boom");
      },
      push: (_params, client) => {
        client.send({ event: { n: 1 } });
        return "pushed";
      },
    },
    (method) => faults.push(method),
  );
  await server.listen(path);
  closers.push(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const socket: Socket = connect(path);
  closers.push(() => {
    socket.destroy();
  });
  let text = "";
  let wake: () => void = () => {};
  socket.on("data", (chunk) => {
    text += chunk.toString();
    wake();
  });
  const lines = async (count: number): Promise<unknown[]> => {
    while (text.split("\n").length <= count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return text
      .split("\n")
      .slice(0, count)
      .map((line) => JSON.parse(line));
  };
  return { path, socket, lines, faults, folder };
}

describe("ControlServer", () => {
  it("answers by id, however the stream is cut, and is closed to others", async () => {
    const { path, socket, lines } = await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = '{"id":7,"method":"echo","params":{"a":"ö"}}\n';
    const bytes = Buffer.from(text);
    for (const byte of bytes) socket.write(Buffer.of(byte));
    expect(await lines(1)).toEqual([{ id: 7, ok: true, result: { a: "ö" } }]);
  });

  it("refuses with cause and cure, and survives faults and nonsense", async () => {
    const { socket, lines, faults } = await start();
    socket.write('{"id":1,"method":"refuse"}\n');
    expect(await lines(1)).toEqual([{ id: 1, ok: false, error: { message: "no", cure: "try echo" } }]);
    socket.write('not json\n[]\n{"id":2,"method":"toString"}\n{"id":3,"method":"crash"}\n');
    const answers = (await lines(5)) as { ok: boolean; error: { message: string } }[];
    expect(answers.every((answer) => !answer.ok)).toBe(true);
    expect(answers[3]?.error.message).toContain('no method "toString"');
    expect(faults).toEqual(["crash"]);
  });

  it("pushes events between answers", async () => {
    const { socket, lines } = await start();
    socket.write('{"id":1,"method":"push"}\n');
    expect(await lines(2)).toEqual([{ event: { n: 1 } }, { id: 1, ok: true, result: "pushed" }]);
  });

  it("cuts off a line without end", async () => {
    const { socket } = await start();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    const piece = Buffer.alloc(1024 * 1024, 0x61);
    for (let sent = 0; sent <= MAX_CONTROL_LINE; sent += piece.length) socket.write(piece);
    await closed;
  });
});
