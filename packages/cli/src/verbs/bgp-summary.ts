/** `bgp summary`: the layout of FRR's `show bgp summary`, one block per seat. */
import { askAll, findLab, labProcess, labProcesses } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { duration } from "../render/quantity.ts";
import { renderTable } from "../render/table.ts";
import { flag, JSON_OPTION, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

interface Peer {
  readonly neighbor: string;
  readonly asn: number;
  readonly state: string;
  readonly reason: string;
  readonly routesReceived: number;
  readonly routesAdvertised: number;
  readonly connectedSeconds?: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly peer: string;
}

interface Speaker {
  readonly seat: string;
  readonly asn: number;
  readonly routerId: string;
  readonly peers: readonly Peer[];
}

export const verb: Verb = {
  usage: "bgp summary [NODE]",
  about: "BGP sessions of every seat, or of one node, in the layout of FRR's show bgp summary.",
  options: { ...NAME_OPTION, ...JSON_OPTION },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const node = invocation.positionals[0];
    const processes = node === undefined ? labProcesses(folder, ["instance"]) : [labProcess(folder, node)];
    const answers = await askAll(processes, "bgp-summary");
    const speakers = answers.flatMap((answer) =>
      ((answer.result as Speaker[] | undefined) ?? []).map((speaker) => ({ node: answer.node, ...speaker })),
    );
    if (flag(invocation, "json")) printJson(speakers);
    else if (speakers.length === 0) print("no BGP speaker runs");
    else for (const speaker of speakers) print(renderSpeaker(speaker));
    for (const { node: name, reason } of answers)
      if (reason !== undefined) process.stderr.write(`${name}: ${reason}\n`);
    return answers.every(({ reason }) => reason === undefined) ? 0 : 1;
  },
};

function renderSpeaker({ node, seat, asn, routerId, peers }: Speaker & { readonly node: string }): string {
  const table = renderTable(peers, [
    { title: "Neighbor", value: (peer) => peer.neighbor },
    { title: "V", value: () => "4", alignRight: true },
    { title: "AS", value: (peer) => String(peer.asn), alignRight: true },
    { title: "MsgRcvd", value: (peer) => String(peer.messagesReceived), alignRight: true },
    { title: "MsgSent", value: (peer) => String(peer.messagesSent), alignRight: true },
    { title: "TblVer", value: () => "0", alignRight: true },
    { title: "InQ", value: () => "0", alignRight: true },
    { title: "OutQ", value: () => "0", alignRight: true },
    {
      title: "Up/Down",
      value: (peer) => (peer.connectedSeconds === undefined ? "never" : duration(peer.connectedSeconds)),
      alignRight: true,
    },
    {
      title: "State/PfxRcd",
      value: (peer) => (peer.state === "Established" ? String(peer.routesReceived) : peer.state),
      alignRight: true,
    },
    { title: "PfxSnt", value: (peer) => String(peer.routesAdvertised), alignRight: true },
    { title: "Desc", value: (peer) => peer.peer },
  ]);
  return `${seat} on ${node}: BGP router identifier ${routerId}, local AS number ${asn}\n\n${table}\nTotal number of neighbors ${peers.length}\n`;
}
