/** The IKE transcript of a connection's tunnels. */
import { askAll, type LabProcess } from "@tandem/lab";
import { bold, dim, green, red } from "./colour.ts";
import { print, printJson } from "./output.ts";

/** As packages/ike/src/transcript/entry.ts writes them. */
interface Entry {
  readonly at: number;
  readonly kind: "sent" | "received" | "decision";
  readonly outcome?: "ok" | "failed" | "note";
  readonly lines: readonly string[];
}

interface Transcript {
  readonly tunnel: string;
  readonly seat: string;
  readonly entries: readonly Entry[];
}

export async function printTranscript(
  processes: readonly LabProcess[],
  connection: string,
  json: boolean,
): Promise<number> {
  const answers = await askAll(processes, "transcript", { connection });
  const found = answers.flatMap(({ node, result }) =>
    ((result as Transcript[] | undefined) ?? []).map((transcript) => ({ node, ...transcript })),
  );
  if (json) printJson(found);
  else for (const transcript of found) print(renderTranscript(transcript.node, transcript));
  if (found.length > 0) return 0;
  for (const { node, reason } of answers) process.stderr.write(`${node}: ${reason ?? "no transcript"}\n`);
  return 1;
}

function renderTranscript(node: string, { tunnel, entries }: Transcript): string {
  const first = entries[0]?.at ?? 0;
  const lines = entries.map((entry) => {
    const arrow = { sent: "-->", received: "<--", decision: "   " }[entry.kind];
    const paint = entry.outcome === "failed" ? red : entry.outcome === "ok" ? green : (text: string) => text;
    const time = `${((entry.at - first) / 1000).toFixed(3).padStart(9)} s`;
    const [head = "", ...detail] = entry.lines;
    return [
      `${dim(time)}  ${arrow} ${paint(head)}`,
      ...detail.map((line) => `${" ".repeat(16)} ${line}`),
    ].join("\n");
  });
  return `${bold(`${node}  ${tunnel}`)}\n${lines.join("\n")}\n`;
}
