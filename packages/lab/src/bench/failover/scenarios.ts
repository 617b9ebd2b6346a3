/** What the failover benchmark does to which lab, and what it is held to. One row per event of a topology and a profile. */
import type { Profile } from "@tandem/contract";

export type FailoverEvent = "sigkill" | "sigstop" | "cut" | "drain" | "planned" | "unplanned";

export interface Scenario {
  readonly topology: string;
  readonly event: FailoverEvent;
  readonly profile: Profile;
  /** The instance that it happens to. */
  readonly node: string;
  readonly goal: Goal;
  /** In a run without --all. */
  readonly quick: boolean;
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
  /** No IKE_SA_INIT by anybody, no BGP route withdrawn. */
  readonly noNegotiation?: boolean;
}

const QUICKLY: readonly [number, number] = [0, 200];
const AZURE_PLANNED: readonly [number, number] = [10_000, 15_000];
const AZURE_UNPLANNED: readonly [number, number] = [60_000, 90_000];
const HITLESS: Goal = {
  text: "under 300 ms p99 both ways, no IKE negotiation, all TCP flows alive",
  vnetToSite: [0, 300],
  siteToVnet: [0, 300],
  tcpAlive: true,
  noNegotiation: true,
};
const NO_LOSS: Goal = { text: "0 packets lost", lost: 0, tcpAlive: true };

export const SCENARIOS: readonly Scenario[] = [
  ...(["dual-redundancy", "active-active"] as const).flatMap((topology): Scenario[] => [
    {
      topology,
      event: "sigkill",
      profile: "fast",
      node: "gw/IN_0",
      quick: true,
      goal: {
        text: "VNet to site under 200 ms p99; the other way as the device's own clock allows",
        vnetToSite: QUICKLY,
      },
    },
    {
      topology,
      event: "sigstop",
      profile: "fast",
      node: "gw/IN_0",
      quick: topology === "dual-redundancy",
      goal: { text: "silent: VNet to site under 1 s", vnetToSite: [0, 1000] },
    },
    {
      topology,
      event: "drain",
      profile: "fast",
      node: "gw/IN_0",
      quick: topology === "dual-redundancy",
      goal: NO_LOSS,
    },
  ]),
  ...(["active-standby", "active-active"] as const).flatMap((topology): Scenario[] => [
    { topology, event: "sigkill", profile: "hitless", node: "gw/IN_0", quick: true, goal: HITLESS },
    {
      topology,
      event: "sigstop",
      profile: "hitless",
      node: "gw/IN_0",
      quick: false,
      goal: { text: "under 1 s both ways", vnetToSite: [0, 1000], siteToVnet: [0, 1000], tcpAlive: true },
    },
    {
      topology,
      event: "planned",
      profile: "hitless",
      node: "gw/IN_0",
      quick: topology === "active-standby",
      goal: NO_LOSS,
    },
  ]),
  {
    topology: "active-standby",
    event: "sigkill",
    profile: "fast",
    node: "gw/IN_0",
    quick: true,
    goal: { text: "reported: SAs are renegotiated as soon as the loss is known" },
  },
  {
    topology: "active-standby",
    event: "planned",
    profile: "azure",
    node: "gw/IN_0",
    quick: false,
    goal: { text: "10 to 15 s, as documented", vnetToSite: AZURE_PLANNED },
  },
  {
    topology: "active-standby",
    event: "unplanned",
    profile: "azure",
    node: "gw/IN_0",
    quick: false,
    goal: { text: "60 to 90 s, as documented", vnetToSite: AZURE_UNPLANNED },
  },
];

export const workName = ({ topology, event, profile }: Scenario): string =>
  `failover-${topology}-${event}-${profile}`;
