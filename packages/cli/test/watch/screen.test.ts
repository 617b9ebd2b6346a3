import type { LabStatus, TunnelStatus } from "@tandem/contract";
import type { FlowState } from "@tandem/lab";
import { describe, expect, it } from "vitest";
import { visibleLength } from "../../src/render/table.ts";
import { renderLine, renderScreen } from "../../src/watch/screen.ts";
import { type ScreenState, totalsByDirection, withTraffic } from "../../src/watch/screen-state.ts";

const RATE = 20;
const NOW = 100e6;

const tunnel = (seat: string, remote: string): TunnelStatus => ({
  connection: `to-${remote}`,
  seat,
  instance: `gw/IN_${seat.at(-1)}`,
  remote,
  ike: "ESTABLISHED",
  flows: 3,
  children: [{ spiIn: "00000001", spiOut: "00000002", esp: "AES_GCM_16-128", bytesIn: 1, bytesOut: 1 }],
});

const STATUS: LabStatus = {
  ready: true,
  state: "ready",
  reasons: [],
  profile: "fast",
  instances: [
    { name: "gw/IN_0", state: "active", pid: 1, seats: ["gw/0"] },
    { name: "gw/IN_1", state: "active", pid: 2, seats: ["gw/1"] },
  ],
  seats: [],
  tunnels: [tunnel("gw/0", "device1"), tunnel("gw/1", "device1")],
  bgpPeers: [],
};

/** A UDP flow that has had `sent` packets sent and the first `highest` received, the last one `ago` microseconds ago. */
function flow(id: number, sent: number, highest: number, ago: number): FlowState {
  const received = {
    flow: id,
    received: highest,
    duplicates: 0,
    reordered: 0,
    highest,
    lost: 0,
    firstMicroseconds: 0,
    lastMicroseconds: NOW - ago,
    longestSilenceMicroseconds: 0,
    gaps: [],
    silences: [],
    delayMicroseconds: { min: 100, mean: 900, max: 5_000, recent: 500 },
  };
  return {
    id,
    protocol: "udp",
    from: "vnet1-host",
    to: "onprem-host",
    destination: "10.51.0.4",
    sourcePort: 20_000 + id,
    destinationPort: 7007,
    sent,
    refused: 0,
    alive: true,
    received: highest === 0 ? undefined : received,
  };
}

const screen = (changes: Partial<ScreenState> = {}): ScreenState => ({
  lab: "dual-redundancy",
  status: STATUS,
  rates: new Map(),
  flows: [flow(1, 100, 100, 20_000)],
  events: [],
  targets: ["gw/IN_0", "gw/IN_1", "device1"],
  selected: 0,
  notice: "",
  takeDown: true,
  ...changes,
});

describe("withTraffic", () => {
  it("leaves a status alone while packets come", () => {
    expect(withTraffic(STATUS, [flow(1, 100, 99, 60_000)], RATE, NOW)).toBe(STATUS);
  });

  it("does not call a lab ready whose flows are silent, whatever its processes say", () => {
    const silent = [flow(1, 100, 40, 3_000_000), flow(2, 100, 100, 10_000)];
    expect(withTraffic(STATUS, silent, RATE, NOW)).toMatchObject({
      ready: false,
      state: "degraded",
      reasons: ["probe traffic: nothing comes from 1 of 2 flows, for up to 3.0 s"],
    });
  });

  it("calls it down when nothing comes at all", () => {
    const silent = [flow(1, 100, 40, 3_000_000), flow(2, 60, 0, 0)];
    expect(withTraffic(STATUS, silent, RATE, NOW)).toMatchObject({ ready: false, state: "down" });
  });

  it("gives the first packets of a flow a second", () => {
    expect(withTraffic(STATUS, [flow(1, 15, 0, 0)], RATE, NOW)).toBe(STATUS);
  });

  it("leaves TCP flows that have died to their own column", () => {
    const dead: FlowState = { ...flow(1, 100, 40, 9_000_000), protocol: "tcp", alive: false };
    expect(withTraffic(STATUS, [dead, flow(2, 50, 50, 10_000)], RATE, NOW)).toBe(STATUS);
  });
});

describe("totalsByDirection", () => {
  it("never shows more received than sent: the two hosts are asked one after the other", () => {
    expect(totalsByDirection([flow(1, 98, 100, 1_000)], NOW)).toMatchObject([{ sent: 100, received: 100 }]);
  });

  it("shows the delay of now, not of the whole run", () => {
    expect(totalsByDirection([flow(1, 100, 100, 1_000)], NOW)[0]?.delayMilliseconds).toBe(0.5);
  });
});

describe("renderScreen", () => {
  it("fills the terminal exactly, with the keys in the last line", () => {
    const lines = renderScreen(screen(), 100, 30).split("\n");
    expect(lines).toHaveLength(30);
    expect(lines.at(-1)).toContain("q quit and take down");
    expect(Math.max(...lines.map(visibleLength))).toBeLessThanOrEqual(100);
  });

  it("says how many reasons it does not show", () => {
    const reasons = ["one", "two", "three", "four", "five", "six"];
    const text = renderScreen(
      screen({ status: { ...STATUS, ready: false, state: "degraded", reasons } }),
      100,
      40,
    );
    expect(text).toContain("! four");
    expect(text).not.toContain("five");
    expect(text).toContain("! and 2 more: ./tandem status");
  });

  it("keeps what was measured and where its page lies", () => {
    const notice = "SIGKILL gw/IN_0: 11 flows moved\ntimeline: /tmp/report.html";
    const text = renderScreen(screen({ notice }), 100, 40);
    expect(text).toContain("11 flows moved");
    expect(text).toContain("/tmp/report.html");
  });
});

describe("renderLine", () => {
  it("is one line with everything that counts", () => {
    expect(renderLine(screen())).toBe(
      "dual-redundancy: ready, tunnels 2/2, 0.00 Mbit/s, flows 1, sent 100, received 100, lost 0",
    );
  });
});
