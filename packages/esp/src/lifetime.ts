/**
 * Soft and hard limits of an SA by bytes and packets (RFC 4301 §4.4.2.1). Limits by time belong to IKE's timers.
 * The hot path compares two doubles; only crossing one of them comes here.
 */
import type { ChildSaParameters } from "./sa-parameters.ts";

export interface Expiry {
  readonly kind: "expire-soft" | "expire-hard";
  readonly cause: "bytes" | "packets";
}

export class Lifetime {
  readonly #limits: NonNullable<ChildSaParameters["limits"]>;
  #soft = false;
  #hard = false;
  /** [bytes, packets] at which `cross` has to be called next; Infinity when there is no limit left. */
  readonly next: Float64Array = new Float64Array([Infinity, Infinity]);

  constructor(limits: ChildSaParameters["limits"]) {
    this.#limits = limits ?? {};
    this.#arm();
  }

  /** True once a hard limit has been reached: the SA must carry nothing more. */
  get ended(): boolean {
    return this.#hard;
  }

  /** What has expired at these totals; undefined when nothing new has. Each kind is told once. */
  cross(bytes: number, packets: number): Expiry | undefined {
    const { softBytes, hardBytes, softPackets, hardPackets } = this.#limits;
    let expiry: Expiry | undefined;
    if (!this.#hard && reached(bytes, hardBytes)) expiry = { kind: "expire-hard", cause: "bytes" };
    else if (!this.#hard && reached(packets, hardPackets)) expiry = { kind: "expire-hard", cause: "packets" };
    else if (!this.#soft && reached(bytes, softBytes)) expiry = { kind: "expire-soft", cause: "bytes" };
    else if (!this.#soft && reached(packets, softPackets)) expiry = { kind: "expire-soft", cause: "packets" };
    if (expiry?.kind === "expire-hard") this.#hard = true;
    if (expiry !== undefined) this.#soft = true;
    this.#arm();
    return expiry;
  }

  #arm(): void {
    const { softBytes, hardBytes, softPackets, hardPackets } = this.#limits;
    this.next[0] = Math.min(this.#soft ? Infinity : (softBytes ?? Infinity), hardBytes ?? Infinity);
    this.next[1] = Math.min(this.#soft ? Infinity : (softPackets ?? Infinity), hardPackets ?? Infinity);
    if (this.#hard) this.next.fill(Infinity);
  }
}

const reached = (count: number, limit: number | undefined): boolean => limit !== undefined && count >= limit;
