/** Rows and ratios of a benchmark, in the shape that scripts rest on (contract BenchResult), and as a table for people. */
import { cpus, release, totalmem } from "node:os";
import type { BenchResult } from "@tandem/contract";

type Row = BenchResult["rows"][number];

/** Collects single measurements by work and subject. */
export class BenchSheet {
  readonly #cells = new Map<string, { work: string; subject: string; unit: string; values: number[] }>();

  add(work: string, subject: string, unit: string, value: number): void {
    const key = `${work}\n${subject}`;
    const cell = this.#cells.get(key) ?? { work, subject, unit, values: [] };
    cell.values.push(value);
    this.#cells.set(key, cell);
  }

  get rows(): Row[] {
    return [...this.#cells.values()].map(({ work, subject, unit, values }) => {
      const sorted = [...values].sort((a, b) => a - b);
      const middle = Math.floor(sorted.length / 2);
      const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
      return { work, subject, unit, runs: sorted.length, min: sorted[0]!, median, max: sorted.at(-1)! };
    });
  }

  /** How many times better `own` is than each other subject of the same work; above 1 is better for every unit. */
  ratios(own: string): BenchResult["ratios"] {
    const rows = this.rows;
    return rows
      .filter((row) => row.subject !== own)
      .flatMap((other) => {
        const mine = rows.find((row) => row.work === other.work && row.subject === own);
        if (mine === undefined || mine.median === 0 || other.median === 0) return [];
        const ratio = lessIsBetter(other.unit) ? other.median / mine.median : mine.median / other.median;
        return [{ work: other.work, subject: own, against: other.subject, ratio }];
      });
  }
}

export const lessIsBetter = (unit: string): boolean =>
  ["ms", "MB", "KiB", "MiB"].includes(unit) || unit.startsWith("s/");

export function describeMachine(): BenchResult["machine"] {
  const processors = cpus();
  return {
    processors: processors.length,
    model: processors[0]?.model ?? "unknown",
    kernel: release(),
    node: process.version,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    measuredAt: new Date().toISOString(),
  };
}

export function renderTable(result: BenchResult): string {
  const header = ["work", "subject", "median", "min", "max", "unit", "tandem is"];
  const lines = result.rows.map((row) => {
    const ratio = result.ratios.find((r) => r.work === row.work && r.against === row.subject);
    const times = ratio === undefined ? "" : `${ratio.ratio.toFixed(2)} x`;
    return [row.work, row.subject, number(row.median), number(row.min), number(row.max), row.unit, times];
  });
  const widths = header.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)));
  const text = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i >= 2 && i <= 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [text(header), ...lines.map(text)].join("\n");
}

export const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3);
