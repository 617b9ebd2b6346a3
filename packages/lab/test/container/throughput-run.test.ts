import type { LabStatus } from "@tandem/contract";
import { expect, test } from "vitest";
import { longestSilence, spreadOf } from "../../src/container/throughput-run.ts";

test("the longest silence is the longest time between two answers, also over lost ones", () => {
  const text = [
    "PING 10.51.0.4 (10.51.0.4) 56(84) bytes of data.",
    "[1690000000.000000] 64 bytes from 10.51.0.4: icmp_seq=1 ttl=60 time=0.5 ms",
    "[1690000000.020000] 64 bytes from 10.51.0.4: icmp_seq=2 ttl=60 time=0.5 ms",
    "[1690000000.520000] 64 bytes from 10.51.0.4: icmp_seq=27 ttl=60 time=0.5 ms",
    "[1690000000.540000] 64 bytes from 10.51.0.4: icmp_seq=28 ttl=60 time=0.5 ms",
  ].join("\n");
  expect(longestSilence(text, 1)).toBeCloseTo(500, 3);
  expect(longestSilence("PING 10.51.0.4 (10.51.0.4) 56(84) bytes of data.\n", 3)).toBe(3000);
});

test("the spread counts what was carried since, and a new Child SA from zero", () => {
  const status = (...tunnels: readonly [string, string, number][]): LabStatus =>
    ({
      tunnels: tunnels.map(([seat, spi, bytes]) => ({
        connection: "to-device1",
        seat,
        children: [{ spiIn: spi, spiOut: spi, bytesIn: bytes, bytesOut: 0 }],
      })),
    }) as unknown as LabStatus;
  const before = status(["gw/0", "a", 1000], ["gw/1", "b", 500]);
  const after = status(["gw/0", "a", 1300], ["gw/1", "c", 100]);
  expect(spreadOf(before, after)).toEqual([
    { tunnel: "to-device1 gw/0", share: 0.75 },
    { tunnel: "to-device1 gw/1", share: 0.25 },
  ]);
  expect(spreadOf(before, before).map(({ share }) => share)).toEqual([0, 0]);
});
