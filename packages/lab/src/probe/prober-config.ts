/** What a prober is told: where to listen, and which flows to send. One prober per host, for both directions. */
export interface ProbeFlow {
  /** Unique in the session: the receiver files its record under it. */
  readonly id: number;
  readonly protocol: "udp" | "tcp";
  readonly destination: string;
  /** Distinct for each flow: the spreading over tunnels looks at the 5-tuple. */
  readonly sourcePort: number;
}

export interface ProberConfig {
  readonly name: string;
  readonly controlSocket: string;
  /** UDP and TCP. */
  readonly port: number;
  readonly flows: readonly ProbeFlow[];
  /** Packets (UDP) or records (TCP) per second of each flow. */
  readonly rate: number;
  /** Payload bytes, at least the probe header's. */
  readonly size: number;
}

export interface SentReport {
  readonly flow: number;
  readonly sent: number;
  /** Sends that the kernel refused (no route, no buffer): they count as sent and lost. */
  readonly refused: number;
  /** TCP: the connection that the flow began with is still up. */
  readonly alive: boolean;
}
