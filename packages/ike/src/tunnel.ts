/** One tunnel: its connection, its IKE SAs (more than one while they take over from each other), and when to dial. */
import type { Duration, Instant, Random } from "@tandem/sansio";
import { addressFamily } from "@tandem/wire";
import type { IkeConnection } from "./config.ts";
import { IKE_PORT, REDIAL_CAP, REDIAL_FIRST } from "./constants.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Path } from "./ike-sa-host.ts";

export class Tunnel {
  readonly name: string;
  /** The connection's own tunnel when this one was made from a template. */
  readonly template: string | undefined;
  readonly sas: Set<IkeSa> = new Set();
  connection: IkeConnection;
  /** Why it is not up. */
  reason: string | undefined;
  redialAt: Instant | undefined;
  /** Stays down until somebody asks for it. */
  held = false;
  #failures = 0;

  constructor(name: string, connection: IkeConnection, template: string | undefined) {
    this.name = name;
    this.connection = connection;
    this.template = template;
  }

  get dials(): boolean {
    return this.connection.mode !== "ResponderOnly" && this.connection.remote !== null && !this.held;
  }

  /** From our address of the remote's family, on port 500. Undefined when there is none. */
  dialPath(): Path | undefined {
    const { remote } = this.connection;
    if (remote === null) return undefined;
    const local = this.connection.local.find((a) => addressFamily(a) === addressFamily(remote));
    return local === undefined ? undefined : { local, localPort: IKE_PORT, remote, remotePort: IKE_PORT };
  }

  succeeded(): void {
    this.#failures = 0;
    this.reason = undefined;
    this.redialAt = undefined;
  }

  /** Doubled at each failure, with jitter, so that two ends and many tunnels do not march in step. */
  redialLater(now: Instant, random: Random): void {
    const wait: Duration = Math.min(REDIAL_FIRST * 2 ** this.#failures, REDIAL_CAP);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.redialAt = now + wait / 2 + random.below(wait);
  }

  /** The IKE SA that stands for the tunnel: the newest that is up, else the newest at all. */
  get current(): IkeSa | undefined {
    let best: IkeSa | undefined;
    for (const sa of this.sas) if (!sa.redundant && (best === undefined || rank(sa) >= rank(best))) best = sa;
    return best;
  }
}

const RANK = { closed: 0, "half-open": 1, initiating: 2, replaced: 3, deleting: 4, established: 5 } as const;
const rank = (sa: IkeSa): number => RANK[sa.state];
