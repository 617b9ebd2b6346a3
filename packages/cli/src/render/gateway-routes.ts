/** Routes in the columns of the cloud's command line: Network, NextHop, Origin, SourcePeer, AsPath, Weight. */
import type { Answer } from "@tandem/lab";
import { flag, type Invocation } from "../verb.ts";
import { print, printJson } from "./output.ts";
import { renderTable } from "./table.ts";

/** As packages/bgp/src/status.ts writes them. */
interface GatewayRoute {
  readonly seat: string;
  readonly neighbor?: string;
  readonly network: string;
  readonly nextHop: string | null;
  readonly origin: string;
  readonly sourcePeer: string;
  readonly asPath: string;
  readonly weight: number;
}

export function printGatewayRoutes(answers: readonly Answer[], invocation: Invocation): number {
  const rows = answers.flatMap(({ node, result }) =>
    ((result as GatewayRoute[] | undefined) ?? []).map((route) => ({ node, ...route })),
  );
  if (flag(invocation, "json")) printJson(rows);
  else {
    const to = rows.some(({ neighbor }) => neighbor !== undefined);
    print(
      renderTable(rows, [
        { title: "Seat", value: (row) => row.seat },
        ...(to ? [{ title: "To", value: (row: (typeof rows)[number]) => row.neighbor ?? "" }] : []),
        { title: "Network", value: (row) => row.network },
        { title: "NextHop", value: (row) => row.nextHop ?? "" },
        { title: "Origin", value: (row) => row.origin },
        { title: "SourcePeer", value: (row) => row.sourcePeer },
        { title: "AsPath", value: (row) => row.asPath },
        { title: "Weight", value: (row) => String(row.weight), alignRight: true },
      ]),
    );
  }
  for (const { node, reason } of answers)
    if (reason !== undefined) process.stderr.write(`${node}: ${reason}\n`);
  return answers.every(({ reason }) => reason === undefined) ? 0 : 1;
}
