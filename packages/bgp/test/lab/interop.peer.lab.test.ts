/** One speaker with BIRD, FRR and GoBGP at once: both families, MD5, refresh, prefix limits, graceful restart. */
import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PeerConfig } from "../../src/index.ts";
import { kill, LabNet, TandemProcess, until } from "./lab-net.ts";

const T = "10.255.1.1";
const BIRD = "10.255.1.2";
const FRR = "10.255.1.3";
const GOBGP = "10.255.1.4";
const STRANGER = "10.255.1.5";
const T6 = "2001:db8:ff::1";
const GR = { restarter: true, helper: true, restartTime: 60 };
const NETWORKS = ["10.1.0.0/16", "10.2.0.0/24", "2001:db8:1::/48"];

const PEERS: readonly PeerConfig[] = [
  { name: "bird", neighbor: BIRD, asn: 65001, md5: true },
  { name: "frr", neighbor: FRR, asn: 65002, md5: true },
  { name: "gobgp", neighbor: GOBGP, asn: 65003, md5: true },
].map((p) => ({ ...p, connectRetryTime: 2, gracefulRestart: GR, nextHop: { ipv6: T6 } }));

const BIRD_CONFIG = `
router id ${BIRD};
graceful restart wait 5;
protocol device {}
protocol static s4 { ipv4; route 10.50.0.0/16 blackhole; route 10.50.7.0/24 blackhole; }
protocol static s6 { ipv6; route 2001:db8:50::/48 blackhole; }
protocol bgp t {
  local ${BIRD} as 65001; neighbor ${T} as 65515; strict bind; multihop; password "bird-key";
  connect delay time 1; error wait time 1,2; graceful restart on; graceful restart time 60;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; next hop address 2001:db8:ff::2; };
}
protocol bgp stranger {
  local ${STRANGER} as 65001; neighbor ${T} as 65515; strict bind; multihop; password "one-key";
  connect delay time 1; ipv4 { import all; export none; };
}
`;

const FRR_CONFIG = `
hostname frr
router bgp 65002
 bgp router-id ${FRR}
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 neighbor ${T} remote-as 65515
 neighbor ${T} password frr-key
 neighbor ${T} update-source ${FRR}
 neighbor ${T} disable-connected-check
 neighbor ${T} ebgp-multihop
 neighbor ${T} timers connect 1
 address-family ipv4 unicast
  network 10.60.0.0/16
  network 10.60.9.0/24
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:60::/48
  neighbor ${T} activate
  neighbor ${T} route-map v6 out
 exit-address-family
exit
route-map v6 permit 10
 set ipv6 next-hop global 2001:db8:ff::3
exit
`;

const GOBGP_CONFIG = `
[global.config]
  as = 65003
  router-id = "${GOBGP}"
  port = 179
  local-address-list = ["${GOBGP}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${T}"
    peer-as = 65515
    auth-password = "gobgp-key"
  [neighbors.transport.config]
    local-address = "${GOBGP}"
  [neighbors.timers.config]
    connect-retry = 2
    idle-hold-time-after-reset = 1
  [neighbors.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 64
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 60
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
`;

let net: LabNet;
let tandem: TandemProcess;
let bird: ChildProcess;

const startBird = (...flags: string[]): ChildProcess =>
  net.start("bird", "-f", ...flags, "-c", `${net.folder}/bird.conf`, "-s", `${net.folder}/bird.ctl`);
const birdc = (...words: string[]): string => net.run("birdc", "-s", `${net.folder}/bird.ctl`, ...words);
const vtysh = (command: string): string =>
  net.run("vtysh", "--vty_socket", net.folder, "-d", "bgpd", "-c", command);
const gobgp = (...words: string[]): string => net.run("gobgp", "-u", "127.0.0.1", ...words);

function startTandem(): TandemProcess {
  return new TandemProcess(net, {
    localAddress: T,
    asn: 65515,
    routerId: T,
    md5: { [BIRD]: "bird-key", [FRR]: "frr-key", [GOBGP]: "gobgp-key", [STRANGER]: "another-key" },
  });
}

/** Prefixes of one kind of peer as they see them, sorted. */
const words = (text: string): string[] => [...new Set(text.match(/[0-9a-f.:]+\/\d+/g) ?? [])].toSorted();

beforeAll(async () => {
  net = new LabNet("interop", [
    ...[T, BIRD, FRR, GOBGP, STRANGER].map((a) => `${a}/24`),
    ...[1, 2, 3, 4].map((n) => `2001:db8:ff::${n}/64`),
  ]);
  net.file("bird.conf", BIRD_CONFIG);
  const frr = net.file("frr.conf", FRR_CONFIG);
  const toml = net.file("gobgp.toml", GOBGP_CONFIG);
  bird = startBird();
  net.start(
    "/usr/lib/frr/bgpd",
    ...[
      "-f",
      frr,
      "-l",
      FRR,
      "-i",
      `${net.folder}/frr.pid`,
      "--vty_socket",
      net.folder,
      "--vty_port",
      "0",
      "-S",
      "-n",
      "-Z",
    ],
  );
  net.start("gobgpd", "-f", toml, "-l", "error", "--api-hosts", "127.0.0.1:50051");
  tandem = startTandem();
  for (const prefix of NETWORKS) await tandem.input({ kind: "network-set", prefix, tag: "vnet" });
  for (const peer of PEERS) await tandem.input({ kind: "peer-set", peer });
  await tandem.established("bird", "frr", "gobgp");
  await until("gobgp takes routes", () => {
    gobgp("global", "rib", "add", "10.70.0.0/16", "-a", "ipv4");
    gobgp("global", "rib", "add", "2001:db8:70::/48", "nexthop", "2001:db8:ff::4", "-a", "ipv6");
    return true;
  });
}, 90_000);

afterAll(async () => {
  await net?.close();
});

describe("with BIRD, FRR and GoBGP at once", () => {
  it("holds the same routes on both sides, in both families", async () => {
    const expected: Readonly<Record<string, readonly string[]>> = {
      bird: ["10.50.0.0/16", "10.50.7.0/24", "2001:db8:50::/48"],
      frr: ["10.60.0.0/16", "10.60.9.0/24", "2001:db8:60::/48"],
      gobgp: ["10.70.0.0/16", "2001:db8:70::/48"],
    };
    const all = [...NETWORKS, ...Object.values(expected).flat()].toSorted();
    for (const [peer, prefixes] of Object.entries(expected)) {
      // FRR also sends back what it got from us, which our own AS in the path makes useless.
      await until(
        `routes of ${peer}`,
        async () => (await tandem.learned({ peer })).length === prefixes.length,
      );
      const learned = await tandem.learned({ peer });
      expect(learned.map((r) => r.network).toSorted()).toEqual(prefixes.toSorted());
      const others = all.filter((p) => !prefixes.includes(p));
      await until(
        `told to ${peer}`,
        async () => (await tandem.peer(peer)).routesAdvertised === others.length,
      );
    }
    const told = (peer: string): string[] => all.filter((p) => !expected[peer]!.includes(p));
    await until(
      "BIRD has them",
      () => words(birdc("show", "route", "protocol", "t")).length === told("bird").length,
    );
    expect(words(birdc("show", "route", "protocol", "t"))).toEqual(told("bird"));
    const frr = (family: string): string[] =>
      words(vtysh(`show bgp ${family} unicast neighbors ${T} routes`).replaceAll(/2001:db8:ff::\d+/g, ""));
    await until("FRR has them", () => [...frr("ipv4"), ...frr("ipv6")].length === told("frr").length);
    expect([...frr("ipv4"), ...frr("ipv6")].toSorted()).toEqual(told("frr"));
    const go = (family: string): string[] => words(gobgp("neighbor", T, "adj-in", "-a", family));
    await until("GoBGP has them", () => [...go("ipv4"), ...go("ipv6")].length === told("gobgp").length);
    expect([...go("ipv4"), ...go("ipv6")].toSorted()).toEqual(told("gobgp"));
    expect(birdc("show", "route", "10.60.9.0/24", "all")).toContain("BGP.as_path: 65515 65002");
    // IPv6 routes over IPv4 sessions: each peer has the IPv6 next hop that was configured, and can use it.
    const [ours6] = NETWORKS.filter((p) => p.includes(":"));
    expect(birdc("show", "route", ours6!, "all")).toContain(`BGP.next_hop: ${T6}`);
  });

  it("does not establish with a wrong MD5 key", async () => {
    await tandem.input({
      kind: "peer-set",
      peer: { name: "stranger", neighbor: STRANGER, asn: 65001, md5: true, connectRetryTime: 1 },
    });
    // Several dials of both sides.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    expect((await tandem.peer("stranger")).state).not.toBe("Established");
    expect(birdc("show", "protocols", "stranger")).not.toContain("Established");
    await tandem.input({ kind: "peer-removed", peer: "stranger" });
  });

  it("refreshes both ways", async () => {
    await until("settled", async () => (await tandem.peer("bird")).routesReceived === 3);
    for (const peer of ["bird", "frr", "gobgp"]) {
      const before = await tandem.peer(peer);
      await tandem.input({ kind: "refresh", peer, direction: "in" });
      await until(
        `${peer} sends again`,
        async () => (await tandem.peer(peer)).updatesReceived > before.updatesReceived,
      );
    }
    const asks: readonly (readonly [string, () => string])[] = [
      ["bird", () => birdc("reload", "in", "t")],
      ["frr", () => vtysh(`clear bgp ipv4 unicast ${T} soft in`)],
      // GoBGP resets softly out of its own copy and asks nobody.
    ];
    for (const [peer, ask] of asks) {
      const before = await tandem.peer(peer);
      ask();
      await until(
        `sent again to ${peer}`,
        async () => (await tandem.peer(peer)).updatesSent > before.updatesSent,
      );
      expect((await tandem.peer(peer)).state).toBe("Established");
    }
  });

  it("drops a peer with too many prefixes, and is dropped for too many", async () => {
    await tandem.input({
      kind: "peer-set",
      peer: { ...PEERS[1]!, maxPrefixes: { limit: 2, restartAfter: 0 } },
    });
    await tandem.input({ kind: "refresh", peer: "frr", direction: "in" });
    await until("frr dropped", async () => (await tandem.peer("frr")).state === "Idle");
    expect((await tandem.peer("frr")).reason).toContain("more than 2 prefixes");
    await until("FRR was told", () =>
      vtysh(`show bgp neighbors ${T}`).includes("Cease/Maximum Number of Prefixes Reached"),
    );
    await tandem.input({ kind: "peer-set", peer: PEERS[1]! }, { kind: "peer-start", peer: "frr" });
    await tandem.established("frr");
    vtysh(
      "configure terminal\nrouter bgp 65002\naddress-family ipv4 unicast\nneighbor 10.255.1.1 maximum-prefix 1 restart 1",
    );
    await until("dropped by FRR", () => tandem.log.includes("Cease / Maximum Number of Prefixes Reached"));
    vtysh(
      "configure terminal\nrouter bgp 65002\naddress-family ipv4 unicast\nno neighbor 10.255.1.1 maximum-prefix",
    );
    vtysh(`clear bgp ${T}`);
    await tandem.established("frr");
  });

  it("keeps a peer's routes while it restarts (helper)", async () => {
    await tandem.established("bird");
    await until("routes of bird", async () => (await tandem.learned({ peer: "bird" })).length === 3);
    await kill(bird);
    await until("session gone", async () => (await tandem.peer("bird")).state !== "Established");
    expect((await tandem.learned({ peer: "bird" })).length).toBe(3);
    expect((await tandem.fib()).some((r) => r.prefix === "10.50.0.0/16")).toBe(true);
    // With one prefix less: it goes with the End-of-RIB, the others never do.
    net.file("bird.conf", BIRD_CONFIG.replace("route 10.50.7.0/24 blackhole;", ""));
    bird = startBird("-R");
    await tandem.established("bird");
    await until("stale route gone", async () => (await tandem.learned({ peer: "bird" })).length === 2);
  });

  it("has its own routes kept while it is killed and a partner adopts the seat (restarter)", async () => {
    await until("routes of bird", async () => (await tandem.learned({ peer: "bird" })).length === 2);
    const state = await tandem.state();
    expect(state.peers.map((p) => [p.peer, p.gracefulRestart])).toEqual([
      ["bird", true],
      ["frr", true],
      ["gobgp", true],
    ]);
    const before = (await tandem.fib()).map((r) => r.prefix).toSorted();
    await kill(tandem.child);
    const there = (): readonly boolean[] => [
      birdc("show", "route").includes("10.1.0.0/16"),
      vtysh("show bgp ipv4 unicast").includes("10.1.0.0/16"),
      gobgp("global", "rib", "-a", "ipv4").includes("10.1.0.0/16"),
    ];
    expect(there()).toEqual([true, true, true]);
    tandem = startTandem();
    for (const peer of PEERS) await tandem.input({ kind: "peer-set", peer: { ...peer, waitForPath: true } });
    await tandem.input({ kind: "adopt", state });
    for (const { name } of PEERS) {
      await tandem.input({ kind: "path-availability", peer: name, available: true });
    }
    const fib = async (): Promise<string[]> => (await tandem.fib()).map((r) => r.prefix).toSorted();
    await until("the saved routes in use", async () => (await fib()).length === before.length, 2000);
    expect(await fib()).toEqual(before);
    for (const prefix of NETWORKS) await tandem.input({ kind: "network-set", prefix, tag: "vnet" });
    const lost: string[] = [];
    await until("all back", async () => {
      there().forEach((has, i) => {
        if (!has) lost.push(["bird", "frr", "gobgp"][i]!);
      });
      const states = await Promise.all(PEERS.map((p) => tandem.peer(p.name)));
      return states.every((s) => s.state === "Established");
    });
    expect(lost).toEqual([]);
    await until("routes confirmed", async () => (await tandem.peer("bird")).routesReceived === 2);
    expect(await fib()).toEqual(before);
    expect(there()).toEqual([true, true, true]);
  });
});
