import { InnerPacket } from "@tandem/esp";
import { describe, expect, it } from "vitest";
import { FlowSpread } from "../../src/dataplane/flow-spread.ts";
import { type InstalledSa, Tunnel } from "../../src/dataplane/tunnel.ts";

const bytes = new Uint8Array(64);
const view = new DataView(bytes.buffer);

function tunnel(name: string, slot: number): Tunnel {
  const t = new Tunnel({ tunnel: name, connection: "c", seat: "s", remote: "r" }, slot);
  t.outbound = [{} as InstalledSa];
  return t;
}

/** A packet of a flow; the addresses go into memory. */
function packet(flow: number, more: Partial<InnerPacket> = {}): InnerPacket {
  const p = new InnerPacket();
  p.family = 4;
  p.protocol = 17;
  p.source = 12;
  view.setUint32(12, 0x0a010000 + (flow >> 8));
  view.setUint32(16, 0x0a020001);
  p.sourcePort = 1024 + (flow & 255);
  p.destinationPort = 53;
  return Object.assign(p, more);
}

const FLOWS = 4000;
const spread = new FlowSpread(view);
const choices = (tunnels: readonly Tunnel[]) =>
  Array.from(
    { length: FLOWS },
    (_, flow) => spread.choose(spread.flowHash(packet(flow)), tunnels, undefined)!.id,
  );

describe("flow spreading", () => {
  const four = ["gw/0>d1", "gw/0>d2", "gw/1>d1", "gw/1>d2"].map((name, i) => tunnel(name, i + 1));

  it("is even to a few per cent", () => {
    const counts = new Map<string, number>();
    for (const id of choices(four)) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const count of counts.values()) expect(Math.abs(count / (FLOWS / 4) - 1)).toBeLessThan(0.12);
    expect(counts.size).toBe(4);
  });

  it("losing a tunnel moves only its flows; getting it back moves the same ones back", () => {
    const before = choices(four);
    const after = choices(four.slice(1));
    before.forEach((id, flow) => {
      if (id !== four[0]!.id) expect(after[flow]).toBe(id);
    });
    expect(choices(four)).toEqual(before);
  });

  it("does not depend on the order of the set", () => {
    expect(choices([...four].reverse())).toEqual(choices(four));
  });

  it("leaves out what cannot send, and where the packet came from", () => {
    const down = tunnel("down", 9);
    down.outbound = [];
    expect(spread.choose(1, [down], undefined)).toBeUndefined();
    expect(spread.choose(1, [four[0]!], four[0]!)).toBeUndefined();
    expect(spread.choose(1, [four[0]!, four[1]!], four[0]!)).toBe(four[1]);
  });

  it("fragments follow their flow", () => {
    for (let flow = 0; flow < 500; flow++) {
      const whole = spread.flowHash(packet(flow));
      const first = { fragment: true, identification: flow };
      expect(spread.flowHash(packet(flow, first))).toBe(whole);
      const later = { ...first, fragmentOffset: 1480, sourcePort: -1, destinationPort: -1 };
      expect(spread.flowHash(packet(flow, later))).toBe(whole);
    }
  });

  it("counts flows by tunnel", () => {
    const own = new FlowSpread(view);
    for (let flow = 0; flow < 100; flow++) own.note(own.flowHash(packet(flow)), four[flow % 2]!, 50);
    expect([...own.countSince(45).values()].reduce((x, y) => x + y)).toBeGreaterThan(97);
    expect(own.countSince(51).size).toBe(0);
  });
});
