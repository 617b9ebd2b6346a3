/** The BGP tables, asked of a process that answers what a real active-active gateway showed (azure-vpn-gateway §3.2). */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "..", "..", "src", "main.ts");
const state = mkdtempSync(join(tmpdir(), "tandem-bgp-"));
const asked: unknown[] = [];
let server: Server;

const row = (
  network: string,
  nextHop: string | null,
  sourcePeer: string,
  origin: string,
  asPath: string,
) => ({
  seat: "gw/0",
  localAddress: "10.2.0.4",
  network,
  nextHop,
  sourcePeer,
  origin,
  asPath,
  weight: 32768,
});
const LEARNED = [
  row("10.2.0.0/16", null, "10.2.0.4", "Network", ""),
  row("10.0.0.0/16", "192.168.100.0", "192.168.100.0", "EBgp", "65555-65515"),
  row("10.0.0.0/16", "10.2.0.5", "10.2.0.5", "IBgp", "65555-65515"),
];
const ANSWERS: Readonly<Record<string, unknown>> = {
  "bgp-summary": [
    {
      seat: "gw/0",
      asn: 65515,
      routerId: "10.2.0.4",
      peers: [
        {
          peer: "to-site|gw/0|site",
          neighbor: "192.168.100.0",
          asn: 65555,
          state: "Established",
          reason: "KeepaliveReceived",
          routesReceived: 1,
          routesAdvertised: 2,
          connectedSeconds: 3725,
          messagesSent: 12,
          messagesReceived: 10,
        },
        {
          peer: "gw/1",
          neighbor: "10.2.0.5",
          asn: 65515,
          state: "Active",
          reason: "TcpConnectionFails",
          routesReceived: 0,
          routesAdvertised: 0,
          messagesSent: 0,
          messagesReceived: 0,
        },
      ],
      api: [
        {
          localAddress: "10.2.0.4",
          neighbor: "192.168.100.0",
          asn: 65555,
          state: "Connected",
          connectedDuration: "01:02:05.0000000",
          routesReceived: 1,
          messagesSent: 12,
          messagesReceived: 10,
        },
      ],
    },
  ],
  "bgp-routes": LEARNED,
  "bgp-advertised": [{ ...LEARNED[0], nextHop: "10.2.0.4", neighbor: "192.168.100.0" }],
  "bgp-why": [
    {
      seat: "gw/0",
      prefix: "10.0.0.0/16",
      paths: [
        {
          sourcePeer: "192.168.100.0",
          nextHop: "192.168.100.0",
          asPath: "65555-65515",
          localPref: 100,
          med: 0,
          verdict: "best",
          reason: "",
        },
        {
          sourcePeer: "10.2.0.5",
          nextHop: "10.2.0.5",
          asPath: "65555-65515",
          localPref: 100,
          med: 0,
          verdict: "loses",
          reason: "loses at step 2 eBGP before iBGP of last resort",
        },
      ],
      advertisedTo: ["gw/1"],
      withheldFrom: [{ peer: "to-site|gw/0|site", reason: "learned from this peer" }],
    },
  ],
};

beforeAll(async () => {
  const controlSocket = join(state, "gw.sock");
  const config = join(state, "labs", "sample", "config");
  mkdirSync(config, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(state, "labs", "sample", "lab.json"),
    JSON.stringify({ format: 1, lab: "sample", topology: "sample", namespaces: [] }),
  );
  const nodes = [{ name: "gw/IN_0", kind: "instance", config: { controlSocket } }];
  writeFileSync(join(config, "plan.json"), JSON.stringify({ lab: "sample", nodes }));
  server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n").filter((one) => one !== "")) {
        const { id, method, params } = JSON.parse(line) as { id: number; method: string; params?: unknown };
        asked.push({ method, params });
        socket.write(`${JSON.stringify({ id, ok: true, result: ANSWERS[method] })}\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(controlSocket, resolve));
});

afterAll(() => {
  server.close();
  rmSync(state, { recursive: true });
});

function tandem(...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, "bgp", ...words], {
      env: { ...process.env, TANDEM_STATE: state },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", reject);
    child.once("close", (status) => (status === 0 ? resolve(output) : reject(new Error(output))));
  });
}

/** Words of each line: how wide columns are is no promise. */
const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim().split(/\s+/).join(" "))
    .filter((line) => line !== "");

describe("./tandem bgp", () => {
  it("summary has the layout of FRR's show bgp summary", async () => {
    expect(lines(await tandem("summary"))).toEqual([
      "gw/0 on gw/IN_0: BGP router identifier 10.2.0.4, local AS number 65515",
      "Neighbor V AS MsgRcvd MsgSent TblVer InQ OutQ Up/Down State/PfxRcd PfxSnt Desc",
      expect.stringMatching(/^192\.168\.100\.0 4 65555 10 12 0 0 0 \S.* 1 2 to-site\|gw\/0\|site$/),
      "10.2.0.5 4 65515 0 0 0 0 0 never Active 0 gw/1",
      "Total number of neighbors 2",
    ]);
  });

  it("summary --json holds each peer as the API's BgpPeerStatus, with its state names", async () => {
    const [speaker] = JSON.parse(await tandem("summary", "--json"));
    expect(speaker.api).toEqual((ANSWERS["bgp-summary"] as { api: unknown }[])[0]!.api);
  });

  it("routes has the columns of the cloud's list-learned-routes, and GatewayRoute as data", async () => {
    expect(lines(await tandem("routes"))).toEqual([
      "Seat Network NextHop Origin SourcePeer AsPath Weight",
      "gw/0 10.2.0.0/16 Network 10.2.0.4 32768",
      "gw/0 10.0.0.0/16 192.168.100.0 EBgp 192.168.100.0 65555-65515 32768",
      "gw/0 10.0.0.0/16 10.2.0.5 IBgp 10.2.0.5 65555-65515 32768",
    ]);
    const data = JSON.parse(await tandem("routes", "--prefix", "10.0.0.0/16", "--json"));
    expect(data).toEqual(LEARNED.map((one) => ({ node: "gw/IN_0", ...one })));
    expect(asked.at(-1)).toEqual({ method: "bgp-routes", params: { prefix: "10.0.0.0/16" } });
  });

  it("advertised says to whom", async () => {
    expect(lines(await tandem("advertised", "192.168.100.0"))).toEqual([
      "Seat To Network NextHop Origin SourcePeer AsPath Weight",
      "gw/0 192.168.100.0 10.2.0.0/16 10.2.0.4 Network 10.2.0.4 32768",
    ]);
    expect(asked.at(-1)).toEqual({ method: "bgp-advertised", params: { peer: "192.168.100.0" } });
  });

  it("why names the step that decided, and who is told", async () => {
    const text = await tandem("why", "10.0.0.0/16");
    expect(text).toContain("loses at step 2 eBGP before iBGP of last resort");
    expect(text).toContain("advertised to gw/1");
    expect(text).toContain("not to to-site|gw/0|site: learned from this peer");
  });
});
