/** `explain`: asks the data plane itself which way a packet would go. */
import { isIP } from "node:net";
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { bold, dim, green } from "../render/colour.ts";
import { print, printJson } from "../render/output.ts";
import {
  flag,
  JSON_OPTION,
  NAME_OPTION,
  requiredPositional,
  stringValue,
  UsageError,
  type Verb,
} from "../verb.ts";

/** As packages/gateway/src/dataplane/explain.ts answers. */
interface Explanation {
  readonly route?: { readonly prefix: string; readonly source: string };
  readonly verdict: string;
  readonly candidates: readonly {
    readonly tunnel: string;
    readonly up: boolean;
    readonly score: number;
    readonly chosen: boolean;
  }[];
  readonly seen?: { readonly tunnel: string; readonly secondsAgo: number };
  readonly childSa?: {
    readonly spiIn: number;
    readonly spiOut: number;
    readonly local: string;
    readonly remote: string;
  };
}

const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 };

const VERDICTS: Readonly<Record<string, string>> = {
  tunnel: "goes into the tunnel marked below",
  inside: "stays inside: the prefix is our own",
  "no-route": "no tunnel leads there: the kernel's routes decide, and it cannot leave in clear",
  "no-tunnel-up": "the route's tunnels are all down: dropped (no-tunnel-up)",
  "selector-outbound": "no Child SA of the tunnel has selectors that allow it: dropped (selector-outbound)",
};

export const verb: Verb = {
  usage: "explain SOURCE[:PORT] DESTINATION[:PORT] [--protocol tcp]",
  about: "Which tunnel a packet would take on each instance, and which others were possible.",
  mostWords: 2,
  options: {
    ...NAME_OPTION,
    node: { type: "string", value: "NODE", about: "on this node only (default: every instance)" },
    protocol: { type: "string", value: "tcp|udp|icmp|NUMBER", about: "default tcp" },
    ...JSON_OPTION,
  },
  examples: ["./tandem explain 10.11.0.4:40000 10.51.0.4:443"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const source = endpoint(requiredPositional(invocation, 0, "the source address"));
    const destination = endpoint(requiredPositional(invocation, 1, "the destination address"));
    if (isIP(source.address) !== isIP(destination.address))
      throw new UsageError(`${source.address} and ${destination.address} are not of one address family`);
    const word = stringValue(invocation, "protocol") ?? "tcp";
    const protocol = PROTOCOLS[word] ?? Number(word);
    if (!Number.isInteger(protocol))
      throw new UsageError(`--protocol ${word}: tcp, udp, icmp or a number is expected`);
    const node = stringValue(invocation, "node");
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const answers = await askAll(processes, "explain", {
      source: source.address,
      destination: destination.address,
      protocol,
      sourcePort: source.port,
      destinationPort: destination.port,
    });
    if (flag(invocation, "json"))
      printJson(
        answers.map(({ node: name, result, reason }) => ({ node: name, ...(result as object), reason })),
      );
    else
      for (const answer of answers)
        print(render(answer.node, answer.result as Explanation | undefined, answer.reason));
    return answers.every(({ reason }) => reason === undefined) ? 0 : 1;
  },
};

function render(node: string, explanation: Explanation | undefined, reason: string | undefined): string {
  if (explanation === undefined) return `${bold(node)}: ${reason ?? "no answer"}`;
  const lines = [`${bold(node)}: ${VERDICTS[explanation.verdict] ?? explanation.verdict}`];
  if (explanation.route !== undefined)
    lines.push(`  route ${explanation.route.prefix}, from ${explanation.route.source}`);
  for (const { tunnel, up, score, chosen } of explanation.candidates) {
    const line = `  ${chosen ? "*" : " "} ${tunnel}${up ? "" : " (down)"} ${dim(`score ${score}`)}`;
    lines.push(chosen ? green(line) : line);
  }
  const { seen } = explanation;
  if (seen !== undefined) {
    const when = seen.secondsAgo === 0 ? "within the last second" : `${seen.secondsAgo} s ago`;
    lines.push(`  packets of this flow passed here, ${when}, through ${seen.tunnel}`);
  }
  const sa = explanation.childSa;
  if (sa !== undefined)
    lines.push(`  ESP ${sa.local} to ${sa.remote}, SPI ${sa.spiOut.toString(16).padStart(8, "0")}`);
  return lines.join("\n");
}

/** `10.1.0.4:443`, `[fd00::4]:443`, or an address alone. */
function endpoint(text: string): { address: string; port: number } {
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ?? /^([\d.]+)(?::(\d+))?$/.exec(text) ?? [text, text];
  const address = match[1] ?? text;
  const port = Number(match[2] ?? 0);
  if (isIP(address) === 0 || port > 65_535)
    throw new UsageError(
      `${text}: an IP address is expected, with a port or without: 10.11.0.4:443, [fd00::4]:443`,
    );
  return { address, port };
}
