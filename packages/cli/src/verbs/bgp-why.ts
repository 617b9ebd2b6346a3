/** `bgp why`: every candidate for a prefix with the step of the decision that it won or lost by. */
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { bold, green } from "../render/colour.ts";
import { print, printJson } from "../render/output.ts";
import { renderTable } from "../render/table.ts";
import { flag, JSON_OPTION, NAME_OPTION, requiredPositional, stringValue, type Verb } from "../verb.ts";

/** As packages/bgp/src/status.ts writes it. */
interface Why {
  readonly seat: string;
  readonly prefix: string;
  readonly paths: readonly {
    readonly sourcePeer: string;
    readonly nextHop: string | null;
    readonly asPath: string;
    readonly localPref: number;
    readonly med: number;
    readonly verdict: string;
    readonly reason: string;
  }[];
  readonly advertisedTo: readonly string[];
  readonly withheldFrom: readonly { readonly peer: string; readonly reason: string }[];
}

export const verb: Verb = {
  usage: "bgp why PREFIX [--node NODE]",
  about: "Which paths there are to a prefix, which is used, by which step of the decision, and who is told.",
  options: {
    ...NAME_OPTION,
    node: { type: "string", value: "NODE", about: "of this node only" },
    ...JSON_OPTION,
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const prefix = requiredPositional(invocation, 0, "the prefix");
    const node = stringValue(invocation, "node");
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const answers = await askAll(processes, "bgp-why", { prefix });
    const found = answers.flatMap(({ result }) => (result as Why[] | undefined) ?? []);
    if (flag(invocation, "json")) printJson(found);
    else if (found.length === 0) print(`no seat knows ${prefix}`);
    else for (const why of found) print(render(why));
    return found.length > 0 ? 0 : 1;
  },
};

function render({ seat, prefix, paths, advertisedTo, withheldFrom }: Why): string {
  const table = renderTable(paths, [
    {
      title: "VERDICT",
      value: ({ verdict }) => (verdict === "best" || verdict === "multipath" ? green(verdict) : verdict),
    },
    { title: "FROM", value: ({ sourcePeer }) => sourcePeer },
    { title: "NEXT HOP", value: ({ nextHop }) => nextHop ?? "-" },
    { title: "AS PATH", value: ({ asPath }) => asPath },
    { title: "PREF", value: ({ localPref }) => String(localPref), alignRight: true },
    { title: "MED", value: ({ med }) => String(med), alignRight: true },
    { title: "BECAUSE", value: ({ reason }) => reason },
  ]);
  const told = advertisedTo.length === 0 ? "nobody" : advertisedTo.join(", ");
  const withheld = withheldFrom.map(({ peer, reason }) => `  not to ${peer}: ${reason}\n`).join("");
  return `${bold(`${prefix} at ${seat}`)}\n${table}  advertised to ${told}\n${withheld}`;
}
