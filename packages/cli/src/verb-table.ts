/** Every verb with its one-line summary; nothing is imported until a verb is run. */
import type { Verb } from "./verb.ts";

export interface VerbEntry {
  readonly summary: string;
  readonly group: "lab" | "look" | "change" | "break" | "measure";
  readonly load: () => Promise<{ readonly verb: Verb }>;
}

export const GROUPS: Readonly<Record<VerbEntry["group"], string>> = {
  lab: "Labs",
  look: "Look",
  change: "Change",
  break: "Break things, and mend them",
  measure: "Measure and check",
};

export const VERBS: Readonly<Record<string, VerbEntry>> = {
  "lab up": { group: "lab", summary: "bring a topology up", load: () => import("./verbs/lab-up.ts") },
  "gateway up": {
    group: "lab",
    summary: "the gateway on a real network, for real devices",
    load: () => import("./verbs/gateway-up.ts"),
  },
  "lab down": { group: "lab", summary: "remove a lab, all of it", load: () => import("./verbs/lab-down.ts") },
  "lab list": {
    group: "lab",
    summary: "the labs that are up, and the topologies there are",
    load: () => import("./verbs/lab-list.ts"),
  },
  "lab inspect": {
    group: "lab",
    summary: "nodes, namespaces, processes, addresses",
    load: () => import("./verbs/lab-inspect.ts"),
  },
  "lab exec": { group: "lab", summary: "run a command in a node", load: () => import("./verbs/lab-exec.ts") },
  "lab wait": {
    group: "lab",
    summary: "wait until a lab is ready",
    load: () => import("./verbs/lab-wait.ts"),
  },
  "lab logs": {
    group: "lab",
    summary: "what a node's process printed",
    load: () => import("./verbs/lab-logs.ts"),
  },
  "lab watch": {
    group: "lab",
    summary: "the live screen, with traffic",
    load: () => import("./verbs/lab-watch.ts"),
  },
  status: {
    group: "look",
    summary: "instances, seats, tunnels, BGP sessions",
    load: () => import("./verbs/status.ts"),
  },
  sas: {
    group: "look",
    summary: "security associations, as swanctl --list-sas prints them",
    load: () => import("./verbs/sas.ts"),
  },
  events: { group: "look", summary: "what happens, as it happens", load: () => import("./verbs/events.ts") },
  routes: {
    group: "look",
    summary: "an instance's forwarding table",
    load: () => import("./verbs/routes.ts"),
  },
  explain: {
    group: "look",
    summary: "which way a packet would go, and why",
    load: () => import("./verbs/explain.ts"),
  },
  "bgp summary": { group: "look", summary: "BGP sessions", load: () => import("./verbs/bgp-summary.ts") },
  "bgp routes": {
    group: "look",
    summary: "routes learned by BGP",
    load: () => import("./verbs/bgp-routes.ts"),
  },
  "bgp advertised": {
    group: "look",
    summary: "routes advertised to a neighbour",
    load: () => import("./verbs/bgp-advertised.ts"),
  },
  "bgp why": {
    group: "look",
    summary: "why a route is, or is not, the best one",
    load: () => import("./verbs/bgp-why.ts"),
  },
  capture: {
    group: "look",
    summary: "inner and outer packets to pcapng, with keys for Wireshark",
    load: () => import("./verbs/capture.ts"),
  },
  "device-config": {
    group: "look",
    summary: "a matching configuration for a real device",
    load: () => import("./verbs/device-config.ts"),
  },
  "connection add": {
    group: "change",
    summary: "add a connection to a running lab",
    load: () => import("./verbs/connection-add.ts"),
  },
  "connection remove": {
    group: "change",
    summary: "remove a connection",
    load: () => import("./verbs/connection-remove.ts"),
  },
  "connection set": {
    group: "change",
    summary: "change a connection's key, policy or prefixes",
    load: () => import("./verbs/connection-set.ts"),
  },
  failover: {
    group: "break",
    summary: "planned or unplanned failover of an instance",
    load: () => import("./verbs/failover.ts"),
  },
  kill: { group: "break", summary: "SIGKILL a process", load: () => import("./verbs/kill.ts") },
  pause: { group: "break", summary: "SIGSTOP a process", load: () => import("./verbs/pause.ts") },
  resume: { group: "break", summary: "SIGCONT a paused process", load: () => import("./verbs/resume.ts") },
  cut: {
    group: "break",
    summary: "cut a node's outside, inside or control network",
    load: () => import("./verbs/cut.ts"),
  },
  heal: { group: "break", summary: "plug a cut network in again", load: () => import("./verbs/heal.ts") },
  restore: {
    group: "break",
    summary: "start a killed process again",
    load: () => import("./verbs/restore.ts"),
  },
  reset: {
    group: "break",
    summary: "reset a gateway or a connection, as the cloud does",
    load: () => import("./verbs/reset.ts"),
  },
  drain: {
    group: "break",
    summary: "move an instance's traffic away before maintenance",
    load: () => import("./verbs/drain.ts"),
  },
  drill: {
    group: "measure",
    summary: "unattended: up, traffic, SIGKILL, measured outage, timeline",
    load: () => import("./verbs/drill.ts"),
  },
  bench: {
    group: "measure",
    summary: "throughput, BGP, IKE and failover figures",
    load: () => import("./verbs/bench.ts"),
  },
  validate: {
    group: "measure",
    summary: "check a lab file, or a topology's promises on a running lab",
    load: () => import("./verbs/validate.ts"),
  },
  "self-test": {
    group: "measure",
    summary: "run the project's tests",
    load: () => import("./verbs/self-test.ts"),
  },
};
