import { describe, expect, it } from "vitest";
import { ExchangeWindow } from "../src/exchange-window.ts";

describe("the window of requests", () => {
  const request = { messageId: 5, datagrams: [Uint8Array.of(1)] };
  it("repeats by the schedule and gives up after its last wait", () => {
    const window = new ExchangeWindow([100, 200, 400]);
    window.begin(request, 0);
    expect(window.handleTimeout(99)).toBe("wait");
    expect(window.handleTimeout(100)).toBe(request.datagrams);
    expect(window.handleTimeout(300)).toBe(request.datagrams);
    expect(window.handleTimeout(700)).toBe("exhausted");
    expect(window.nextSend).toBe(6);
  });
  it("goes on with its last wait until a deadline", () => {
    const window = new ExchangeWindow([100, 200]);
    window.begin(request, 0, 1000);
    for (const at of [100, 300, 500, 700, 900]) expect(window.handleTimeout(at)).toBe(request.datagrams);
    expect(window.nextTimeout()).toBe(1000);
    expect(window.handleTimeout(1000)).toBe("exhausted");
  });
  it("takes the answer to the request under way only, once", () => {
    const window = new ExchangeWindow([100]);
    window.begin(request, 0);
    expect(window.answered(4)).toBe(false);
    expect(window.answered(5)).toBe(true);
    expect(window.answered(5)).toBe(false);
  });
  it("knows new, repeated and foreign requests", () => {
    const window = new ExchangeWindow([100]);
    expect(window.classify(0)).toBe("new");
    expect(window.classify(1)).toBe("out-of-window");
    window.responded({ messageId: 0, datagrams: [] });
    expect(window.classify(0)).toBe("repeat");
    expect(window.classify(1)).toBe("new");
  });
});
