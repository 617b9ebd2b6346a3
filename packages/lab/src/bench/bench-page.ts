/** One self-contained HTML page with a bar chart per work. No script, nothing loaded from elsewhere. */
import type { BenchResult } from "@tandem/contract";
import { lessIsBetter, number } from "./bench-table.ts";

const COLOUR: Readonly<Record<string, string>> = {
  tandem: "#0b6bcb",
  "plain-routing": "#8a94a0",
  "kernel-libipsec": "#c2571a",
  "wireguard-go": "#7a1f2b",
};

export function renderPage(title: string, result: BenchResult, notes: readonly string[]): string {
  const works = [...new Set(result.rows.map((row) => row.work))];
  const machine = Object.entries(result.machine)
    .map(([name, value]) => `<dt>${quote(name)}</dt><dd>${quote(String(value))}</dd>`)
    .join("");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${quote(title)}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2126; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dt { color: #66707a; } dd { margin: 0; }
  table { border-collapse: collapse; margin-top: 1rem; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
  td.n { text-align: right; font-variant-numeric: tabular-nums; } svg text { font: 13px system-ui, sans-serif; }
</style>
<h1>${quote(title)}</h1>
<dl>${machine}</dl>
${notes.map((note) => `<p>${quote(note)}</p>`).join("\n")}
${works.map((work) => chart(work, result)).join("\n")}
<h2>All figures</h2>
<table><tr><th>work<th>subject<th>runs<th>min<th>median<th>max<th>unit<th>tandem is</tr>
${result.rows.map((row) => tableRow(row, result)).join("\n")}
</table>
</html>
`;
}

const LEFT = 150;
const WIDTH = 560;
const STEP = 26;

function chart(work: string, result: BenchResult): string {
  const rows = result.rows.filter((row) => row.work === work);
  const top = Math.max(...rows.map((row) => row.max), 1e-9);
  const x = (value: number): number => LEFT + (value / top) * WIDTH;
  const unit = rows[0]!.unit;
  const bars = rows.map((row, i) => {
    const y = i * STEP;
    const colour = COLOUR[row.subject] ?? "#4b7f52";
    const ratio = result.ratios.find((r) => r.work === work && r.against === row.subject);
    const label = `${number(row.median)} ${unit}${ratio === undefined ? "" : ` (tandem ${ratio.ratio.toFixed(2)} x)`}`;
    return `<text x="${LEFT - 8}" y="${y + 15}" text-anchor="end">${quote(row.subject)}</text>
<rect x="${LEFT}" y="${y + 3}" width="${Math.max(1, x(row.median) - LEFT).toFixed(1)}" height="16" fill="${colour}"/>
<line x1="${x(row.min).toFixed(1)}" x2="${x(row.max).toFixed(1)}" y1="${y + 11}" y2="${y + 11}" stroke="#000" stroke-opacity=".55"/>
<text x="${(x(Math.max(row.median, row.max)) + 8).toFixed(1)}" y="${y + 15}">${quote(label)}</text>`;
  });
  const height = rows.length * STEP + 4;
  const better = lessIsBetter(unit) ? "less is better" : "more is better";
  return `<h2>${quote(work)} <small>(${quote(unit)}, ${better}; line: least to most)</small></h2>
<svg viewBox="0 0 ${LEFT + WIDTH + 230} ${height}" width="100%" role="img" aria-label="${quote(work)}">
${bars.join("\n")}
</svg>`;
}

function tableRow(row: BenchResult["rows"][number], result: BenchResult): string {
  const ratio = result.ratios.find((r) => r.work === row.work && r.against === row.subject);
  const figures = [row.runs, row.min, row.median, row.max]
    .map((n) => `<td class="n">${number(n)}</td>`)
    .join("");
  const times = ratio === undefined ? "" : `${ratio.ratio.toFixed(2)} x`;
  return `<tr><td>${quote(row.work)}<td>${quote(row.subject)}${figures}<td>${quote(row.unit)}<td class="n">${times}</tr>`;
}

const quote = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
