import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ControlClient, callControl } from "../../src/control/control-client.ts";
import { serveControl } from "../../src/control/control-server.ts";

let folder: string;
let path: string;
let last: Socket | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tandem-control-"));
  path = join(folder, "x.sock");
  await serveControl(path, {
    echo: (params) => params,
    fail: () => {
      throw new Error("it does not work");
    },
    never: () => new Promise(() => {}),
    subscribe: (_params, socket) => {
      last = socket;
      return { subscribed: true };
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("ControlClient", () => {
  it("gets answers in any order", async () => {
    const client = await ControlClient.open(path);
    const answers = await Promise.all([client.call("echo", 1), client.call("echo", { a: [2] })]);
    client.close();
    expect(answers).toEqual([1, { a: [2] }]);
  });

  it("passes a refusal on", async () => {
    await expect(callControl(path, "fail")).rejects.toThrow("it does not work");
    await expect(callControl(path, "nothing")).rejects.toThrow('no method "nothing"');
  });

  it("does not wait for ever", async () => {
    await expect(callControl(path, "never", undefined, 50)).rejects.toThrow("within 50 ms");
  });

  it("says that nothing listens", async () => {
    await expect(ControlClient.open(join(folder, "none.sock"))).rejects.toThrow("the process is not running");
  });

  it("hands events on, in pieces or together, and fails what waits when the other side goes", async () => {
    const client = await ControlClient.open(path);
    const seen: string[] = [];
    await client.subscribe((event) => seen.push(event.message));
    const line = (message: string): string =>
      `${JSON.stringify({ event: { at: 1, node: "n", event: "e", message } })}\n`;
    const text = line("one") + line("two");
    last?.write(text.slice(0, 30));
    last?.write(text.slice(30));
    await expect.poll(() => seen).toEqual(["one", "two"]);
    const waiting = client.call("never");
    last?.destroy();
    await expect(waiting).rejects.toThrow("closed its control socket");
  });
});
