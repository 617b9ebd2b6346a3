import { BenchResult } from "@tandem/contract";
import { describe, expect, it } from "vitest";
import { renderPage } from "../../src/bench/bench-page.ts";
import { BenchSheet, describeMachine, renderTable } from "../../src/bench/bench-table.ts";

function sample(): BenchResult {
  const sheet = new BenchSheet();
  for (const value of [500, 300, 400]) sheet.add("tcp-1", "tandem", "Mbit/s", value);
  for (const value of [100, 200]) sheet.add("tcp-1", "wireguard-go", "Mbit/s", value);
  sheet.add("ping", "tandem", "ms", 0.5);
  sheet.add("ping", "<evil>", "ms", 1);
  sheet.add("udp-64", "wireguard-go", "Mbit/s", 3);
  return {
    bench: "throughput",
    machine: describeMachine(),
    rows: sheet.rows,
    ratios: sheet.ratios("tandem"),
  };
}

describe("a benchmark's figures", () => {
  it("are medians with least and most, in the contract's shape", () => {
    const result = BenchResult.parse(sample());
    expect(result.rows[0]).toEqual({
      work: "tcp-1",
      subject: "tandem",
      unit: "Mbit/s",
      runs: 3,
      min: 300,
      median: 400,
      max: 500,
    });
    expect(result.rows[1]!.median).toBe(150);
  });

  it("have ratios above 1 where tandem is better, whatever the unit; none without a figure of its own", () => {
    const { ratios } = sample();
    expect(ratios.map((r) => [r.work, r.against, Number(r.ratio.toFixed(2))])).toEqual([
      ["tcp-1", "wireguard-go", 2.67],
      ["ping", "<evil>", 2],
    ]);
  });

  it("come as a table and as one page that needs nothing else", () => {
    const result = sample();
    expect(renderTable(result)).toMatch(/tcp-1\s+wireguard-go\s+150\s+100\s+200\s+Mbit\/s\s+2\.67 x/);
    const page = renderPage("Throughput", result, ["left out: nothing"]);
    expect(page).toContain("&lt;evil&gt;");
    expect(page).not.toMatch(/<script|<evil>|src=|href=/);
    expect(page.match(/<svg/g)).toHaveLength(3);
  });
});
