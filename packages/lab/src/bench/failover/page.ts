/** All scenarios on one self-contained page: the table of goals and figures, then the timeline of each one's last run. */
import { timelinePage } from "../../drill/timeline-page.ts";
import type { Verdict } from "./judge.ts";
import { workName } from "./scenarios.ts";

export function failoverPage(verdicts: readonly Verdict[]): string {
  const cell = (value: number): string => `<td class=n>${value.toFixed(0)}`;
  const rows = verdicts.map(
    ({ scenario, runs, vnetToSite, siteToVnet, lost, tcpAlive, notes, misses }) =>
      `<tr><td><a href="#${workName(scenario)}">${workName(scenario)}</a><td class=n>${runs.length}` +
      `${cell(vnetToSite.p50)}${cell(vnetToSite.p99)}${cell(vnetToSite.max)}` +
      `${cell(siteToVnet.p50)}${cell(siteToVnet.p99)}${cell(siteToVnet.max)}` +
      `<td class=n>${lost}<td class=n>${tcpAlive}<td>${scenario.goal.text}<td>${markup(notes.join("; "))}<td class="${misses.length === 0 ? "met" : "missed"}">` +
      `${misses.length === 0 ? "met" : markup(misses.join("; "))}</tr>`,
  );
  const timelines = verdicts.map(({ scenario, runs }) => {
    const last = runs.at(-1);
    if (last?.report === undefined) return "";
    return `<h2 id="${workName(scenario)}">${workName(scenario)}</h2><iframe srcdoc="${markup(timelinePage(last.report))}"></iframe>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tandem: failover</title><style>
body{font:14px/1.5 system-ui,sans-serif;max-width:1240px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.2rem .7rem .2rem 0;text-align:left;border-bottom:1px solid #ccc}
td.n{text-align:right;font-variant-numeric:tabular-nums}.met{color:#18794e}.missed{color:#b3261e}
iframe{width:100%;height:640px;border:1px solid #ccc}
</style></head><body><h1>Failover</h1>
<p>64 UDP flows each way at 100 packets per second, 4 TCP flows. Outages in ms, timestamp-derived (RFC 7747), over runs x flows.</p>
<table><tr><th>work<th>runs<th>VNet to site p50<th>p99<th>max<th>site to VNet p50<th>p99<th>max<th>lost<th>TCP alive<th>goal<th>also<th></tr>
${rows.join("\n")}</table>
${timelines.join("\n")}
</body></html>
`;
}

const markup = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
