/** From measurements to the rows and ratios of BenchResult. */
import type { BenchResult } from "@tandem/contract";

type Row = BenchResult["rows"][number];
type Ratio = BenchResult["ratios"][number];

export function row(work: string, subject: string, unit: string, values: readonly number[]): Row {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { work, subject, unit, runs: sorted.length, min: sorted[0]!, median, max: sorted.at(-1)! };
}

/** Units of which less is better; of all others more is. */
const LESS_IS_BETTER: readonly string[] = ["ms", "s", "us", "MB"];

/** How many times better tandem is than each other subject, by the medians: above 1 is better for every unit. */
export function ratios(rows: readonly Row[]): Ratio[] {
  return rows.flatMap((other) => {
    const own = rows.find((r) => r.work === other.work && r.subject === "tandem");
    if (own === undefined || other.subject === "tandem") return [];
    const [better, worse] = LESS_IS_BETTER.includes(own.unit)
      ? [other.median, own.median]
      : [own.median, other.median];
    const ratio = worse === 0 ? 0 : better / worse;
    return [{ work: own.work, subject: "tandem", against: other.subject, ratio }];
  });
}
