/** A report as one self-contained HTML page: figures, the timeline of events, and a bar for every flow's outage. */
import type { IncidentReport } from "./incident.ts";

const WIDTH = 1100;
const LEFT = 250;
const ROW = 18;

export function timelinePage(report: IncidentReport): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${text(report.what)} - ${text(report.lab)}</title>
<style>
body{font:14px/1.5 system-ui,sans-serif;max-width:${WIDTH + 40}px;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem;margin:0 0 .3rem} h2{font-size:1.05rem;margin:1.6rem 0 .4rem} p{margin:.2rem 0}
table{border-collapse:collapse} td,th{padding:.15rem .8rem .15rem 0;text-align:left} td.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto} .simulated{color:#9a5b00} code{font-size:12px}
@media (prefers-color-scheme:dark){body{background:#12161c;color:#dde3ea} svg text{fill:#dde3ea}}
</style></head><body>
<h1>${text(report.what)}</h1>
<p>lab ${text(report.lab)} (${text(report.topology)}), profile ${text(report.profile)}, ${new Date(report.at).toISOString()}</p>
<p><b>${report.flows.moved}</b> flows moved, <b>${report.flows.interrupted}</b> of ${report.flows.total} interrupted,
<b>${report.lost}</b> packets lost, worst outage <b>${report.worstMilliseconds.toFixed(1)} ms</b>,
TCP alive <b>${report.tcp.alive}/${report.tcp.total}</b>${report.recovered ? "" : ", <b>not every flow is back</b>"}.</p>
<h2>Outage by direction (ms; loss-derived and timestamp-derived as in RFC 7747)</h2>
<table><tr><th>direction<th>flows<th>lost<th>loss p50<th>p99<th>max<th>time p50<th>p99<th>max</tr>
${report.directions
  .map(
    ({ direction, flows, lost, lossDerived, timestampDerived }) =>
      `<tr><td>${text(direction)}<td class=n>${flows}<td class=n>${lost}${[lossDerived, timestampDerived]
        .flatMap(({ p50, p99, max }) => [p50, p99, max])
        .map((value) => `<td class=n>${value.toFixed(1)}`)
        .join("")}</tr>`,
  )
  .join("\n")}
</table>
<h2>Timeline</h2>
${drawing(report)}
<h2>Flows per tunnel (seen in the 10 s before)</h2>
<table><tr><th>tunnel<th>before<th>after</tr>
${report.tunnels.map(({ tunnel, before, after }) => `<tr><td>${text(tunnel)}<td class=n>${before}<td class=n>${after}</tr>`).join("\n")}
</table>
<h2>Events</h2>
<table><tr><th>ms<th>node<th>event<th></tr>
${report.events
  .map(
    (event) =>
      `<tr${event.simulated === true ? ' class="simulated"' : ""}><td class=n>${(event.at - report.at).toFixed(1)}<td>${text(event.node)}<td>${text(event.event)}<td>${text(event.message)}${event.simulated === true ? " (simulated)" : ""}</tr>`,
  )
  .join("\n")}
</table>
</body></html>
`;
}

/** Lanes of events by node and kind, then a bar per interrupted flow; x is milliseconds from the event. */
function drawing(report: IncidentReport): string {
  const interrupted = report.outages
    .filter(({ timestampDerivedMilliseconds }) => timestampDerivedMilliseconds > 0)
    .toSorted((a, b) => b.timestampDerivedMilliseconds - a.timestampDerivedMilliseconds)
    .slice(0, 64);
  const lanes = [...Map.groupBy(report.events, ({ node, event }) => `${node} ${event.split(".")[0]}`)];
  const last = Math.max(
    50,
    report.worstMilliseconds,
    ...report.events.map(({ at }) => at - report.at).filter((ms) => ms <= report.settledMilliseconds),
  );
  const x = (milliseconds: number): number =>
    LEFT + (Math.min(Math.max(milliseconds, 0), last) / last) * (WIDTH - LEFT - 20);
  const rows: string[] = [];
  let y = 30;
  for (const [name, events] of lanes) {
    rows.push(`<text x="0" y="${y + 4}" font-size="12">${text(name)}</text>`);
    for (const event of events) {
      const colour = /down|lost|failed|fault|dropped/.test(event.event)
        ? "#c03030"
        : event.simulated === true
          ? "#d08a00"
          : "#2a7ad0";
      const ms = event.at - report.at;
      rows.push(
        `<circle cx="${x(ms).toFixed(1)}" cy="${y}" r="4" fill="${colour}"><title>${ms.toFixed(1)} ms ${text(event.event)}: ${text(event.message)}</title></circle>`,
      );
    }
    y += ROW;
  }
  for (const outage of interrupted) {
    const end = x(outage.timestampDerivedMilliseconds);
    rows.push(
      `<text x="0" y="${y + 4}" font-size="11">flow ${outage.flow} ${text(outage.from)} -&gt; ${text(outage.to)}</text>`,
      `<rect x="${LEFT}" y="${y - 5}" width="${Math.max(1, end - LEFT).toFixed(1)}" height="9" fill="#c0303080"><title>${outage.timestampDerivedMilliseconds.toFixed(1)} ms, ${outage.lost} packets</title></rect>`,
    );
    y += 13;
  }
  const ticks = Array.from({ length: 6 }, (_, index) => (last / 5) * index)
    .map(
      (ms) =>
        `<line x1="${x(ms)}" x2="${x(ms)}" y1="14" y2="${y}" stroke="#8885"/><text x="${x(ms)}" y="10" font-size="11" text-anchor="middle">${ms.toFixed(0)} ms</text>`,
    )
    .join("");
  return `<svg viewBox="0 0 ${WIDTH} ${y + 10}" role="img" aria-label="timeline">${ticks}${rows.join("\n")}</svg>`;
}

function text(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
