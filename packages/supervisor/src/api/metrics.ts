/** Prometheus text format 0.0.4. */
import type { Supervisor } from "../supervisor.ts";

export async function metricsText(supervisor: Supervisor): Promise<string> {
  const status = await supervisor.status();
  const lines: string[] = [];
  const metric = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: [Record<string, string>, number][],
  ) => {
    lines.push(`# HELP tandem_${name} ${help}`, `# TYPE tandem_${name} ${type}`);
    for (const [labels, value] of samples) {
      const text = Object.entries(labels).map(([k, v]) => `${k}="${v.replace(/["\\\n]/g, "_")}"`);
      lines.push(`tandem_${name}${text.length === 0 ? "" : `{${text.join(",")}}`} ${value}`);
    }
  };
  metric("ready", "gauge", "1 when everything that should be up is up", [[{}, Number(status.ready)]]);
  metric(
    "instance_up",
    "gauge",
    "1 when the instance can serve a seat",
    status.instances.map((i) => [{ instance: i.name }, Number(i.state !== "down")]),
  );
  metric(
    "seat_epoch",
    "gauge",
    "epoch of the seat's owner",
    status.seats.map((s) => [{ seat: s.name, owner: s.owner ?? "" }, s.epoch]),
  );
  metric(
    "tunnel_up",
    "gauge",
    "1 when the tunnel has a Child SA",
    status.tunnels.map((t) => [tunnelLabels(t), Number(t.children.length > 0)]),
  );
  metric(
    "tunnel_flows",
    "gauge",
    "flows of the last 10 seconds",
    status.tunnels.map((t) => [tunnelLabels(t), t.flows]),
  );
  for (const direction of ["bytesIn", "bytesOut"] as const) {
    metric(
      `tunnel_bytes_${direction === "bytesIn" ? "in" : "out"}`,
      "gauge",
      "bytes of the current Child SAs",
      status.tunnels.map((t) => [tunnelLabels(t), t.children.reduce((sum, c) => sum + c[direction], 0)]),
    );
  }
  metric(
    "bgp_established",
    "gauge",
    "1 when the BGP session is established",
    status.bgpPeers.map((p) => [{ seat: p.seat, neighbor: p.neighbor }, Number(p.state === "Established")]),
  );
  metric(
    "bgp_routes_received",
    "gauge",
    "routes from the neighbour",
    status.bgpPeers.map((p) => [{ seat: p.seat, neighbor: p.neighbor }, p.routesReceived]),
  );
  const counters = supervisor.counters();
  metric(
    "seat_moves_total",
    "counter",
    "changes of a seat's owner since the supervisor started",
    counters.map((c) => [{ gateway: c.gateway }, c.failovers]),
  );
  metric(
    "instance_starts_total",
    "counter",
    "instances started by the supervisor",
    counters.map((c) => [{ gateway: c.gateway }, c.starts]),
  );
  return `${lines.join("\n")}\n`;
}

const tunnelLabels = (t: { connection: string; seat: string; remote: string }) => ({
  connection: t.connection,
  seat: t.seat,
  remote: t.remote,
});
