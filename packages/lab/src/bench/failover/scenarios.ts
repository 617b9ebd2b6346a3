/** What the failover benchmark does to which lab, and what it is held to. One row per event of a topology and a profile. */
import type { Profile } from "@tandem/contract";

/**
 * `up`: the lab comes up, nothing else. `sigstop-wake`: stopped, and a minute later woken. `drain`: an operator's, to be
 * taken back. `planned`, `unplanned`: failovers that the supervisor is asked for.
 */
export type FailoverEvent =
  | "up"
  | "sigkill"
  | "sigstop"
  | "sigstop-wake"
  | "cut"
  | "drain"
  | "planned"
  | "unplanned";

export interface Scenario {
  readonly topology: string;
  readonly event: FailoverEvent;
  readonly profile: Profile;
  /** The instance that it happens to. */
  readonly node: string;
  readonly goal: Goal;
  /** In a run without --all. */
  readonly quick: boolean;
  /** Of the devices: `default` is DPD 45 s and BGP hold 180 s, as in the cloud; `quickest` DPD 9 s and hold 3 s. */
  readonly timers: "default" | "quickest";
  readonly device: "tandem" | "strongswan";
  /** About how long one run takes, from nothing to nothing. */
  readonly seconds: number;
}

export interface Goal {
  readonly text: string;
  /** p99 of the outages of VNet-to-site flows (the gateway's side) over all runs, in ms. */
  readonly vnetToSite?: readonly [number, number];
  /** The same the other way; absent: reported only (the device's own clock). */
  readonly siteToVnet?: readonly [number, number];
  /** At most so many packets lost in all directions. */
  readonly lost?: number;
  readonly tcpAlive?: boolean;
  /** No IKE_SA_INIT by anybody. */
  readonly noNegotiation?: boolean;
  /** The devices have a route to the VNet all the time. */
  readonly routesKept?: boolean;
  /** Flows on tunnels of other seats: none lost a packet, none moved to another tunnel. */
  readonly othersUntouched?: boolean;
  /** After the wake-up nothing is lost, one owner per seat is left, and nothing is negotiated. */
  readonly wokenHarmless?: boolean;
  /** Milliseconds from nothing to every tunnel and session up. */
  readonly up?: number;
}

const AZURE_PLANNED: readonly [number, number] = [10_000, 15_000];
const AZURE_UNPLANNED: readonly [number, number] = [60_000, 90_000];
const HITLESS: Goal = {
  text: "under 300 ms p99 both ways, no IKE negotiation, all TCP flows alive, BGP routes never gone",
  vnetToSite: [0, 300],
  siteToVnet: [0, 300],
  tcpAlive: true,
  noNegotiation: true,
  routesKept: true,
};
const WOKEN: Goal = {
  text: "under 1 s both ways; woken a minute later it harms nothing",
  vnetToSite: [0, 1000],
  siteToVnet: [0, 1000],
  tcpAlive: true,
  noNegotiation: true,
  wokenHarmless: true,
};
const NO_LOSS: Goal = { text: "0 packets lost", lost: 0, tcpAlive: true };
const FAST_KILL: Goal = {
  text: "VNet to site under 200 ms p99; others: 0 lost, none moved; the other way as the device's own clock allows",
  vnetToSite: [0, 200],
  othersUntouched: true,
};
const FAST_SILENT: Goal = {
  text: "silent: VNet to site under 1 s; others: 0 lost, none moved",
  vnetToSite: [0, 1000],
  othersUntouched: true,
};

const row = (
  topology: string,
  event: FailoverEvent,
  profile: Profile,
  goal: Goal,
  seconds: number,
  more: Partial<Pick<Scenario, "quick" | "timers" | "device">> = {},
): Scenario => ({
  topology,
  event,
  profile,
  node: "gw/IN_0",
  goal,
  seconds,
  quick: false,
  timers: "default",
  device: "tandem",
  ...more,
});

export const SCENARIOS: readonly Scenario[] = [
  row("dual-redundancy", "up", "fast", { text: "4 tunnels and 4 sessions up in under 5 s", up: 5000 }, 8, {
    quick: true,
  }),
  ...(["dual-redundancy", "active-active"] as const).flatMap((topology): Scenario[] => {
    const quick = topology === "dual-redundancy";
    return [
      row(topology, "sigkill", "fast", FAST_KILL, 16, { quick: true }),
      row(topology, "sigkill", "fast", FAST_KILL, 16, { timers: "quickest" }),
      row(topology, "sigstop", "fast", FAST_SILENT, 65),
      row(topology, "sigstop", "fast", FAST_SILENT, 25, { quick, timers: "quickest" }),
      row(topology, "cut", "fast", FAST_SILENT, 65),
      row(topology, "cut", "fast", FAST_SILENT, 25, { timers: "quickest" }),
      row(topology, "drain", "fast", NO_LOSS, 16, { quick }),
    ];
  }),
  ...(["active-standby", "active-active"] as const).flatMap((topology): Scenario[] => [
    row(topology, "sigkill", "hitless", HITLESS, 16, { quick: true }),
    row(topology, "sigstop-wake", "hitless", WOKEN, 90),
    row(topology, "planned", "hitless", NO_LOSS, 20, { quick: true }),
  ]),
  row("dual-redundancy", "planned", "hitless", NO_LOSS, 22),
  row(
    "active-standby",
    "sigkill",
    "fast",
    { text: "reported: SAs are renegotiated as soon as the loss is known" },
    16,
  ),
  ...(["tandem", "strongswan"] as const).flatMap((device): Scenario[] => [
    row(
      "active-standby",
      "planned",
      "azure",
      { text: "10 to 15 s, as documented", vnetToSite: AZURE_PLANNED },
      30,
      {
        device,
      },
    ),
    row(
      "active-standby",
      "unplanned",
      "azure",
      { text: "60 to 90 s, as documented", vnetToSite: AZURE_UNPLANNED },
      85,
      {
        device,
      },
    ),
  ]),
];

export const workName = ({ topology, event, profile, timers, device }: Scenario): string =>
  `failover-${topology}-${event}-${profile}${timers === "quickest" ? "-quickest-timers" : ""}${device === "tandem" ? "" : `-${device}`}`;
