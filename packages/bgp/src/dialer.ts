/** Makes the connections of one peer: from which address and port, and after an adoption from the dead session's. */
import type { PeerConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import { BGP_PORT } from "./constants.ts";
import type { Core } from "./core.ts";
import type { TransportOptions } from "./events.ts";
import type { PeerSessionState } from "./speaker-state.ts";

/** Dials from the dead session's port: how often, and how long each may take (milliseconds). */
const RESUME_ATTEMPTS = 3;
export const RESUME_WAIT = 100;

export class Dialer {
  readonly #core: Core;
  #resume: { readonly state: PeerSessionState; left: number } | undefined = undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The next dials clear what the peer still believes in: a challenge ACK for its old connection is answered by RST. */
  get resuming(): boolean {
    return this.#resume !== undefined;
  }

  resume(state: PeerSessionState): void {
    this.#resume = { state, left: RESUME_ATTEMPTS };
  }

  forget(): void {
    this.#resume = undefined;
  }

  /** The connection to dial, with its effect on the way; `hurry` when it deserves a short wait only. */
  dial(config: PeerConfig, id: number): { readonly connection: Connection; readonly hurry: boolean } {
    const saved = this.#resume?.state;
    const localAddress = saved?.localAddress ?? config.localAddress ?? this.#core.config.localAddress;
    const remotePort = saved?.remotePort ?? config.remotePort ?? BGP_PORT;
    const ports = { localAddress, localPort: saved?.localPort ?? 0, remotePort };
    const connection = new Connection(id, config.name, false, ports, this.#core.emit);
    if (this.#resume !== undefined && --this.#resume.left === 0) this.#resume = undefined;
    this.#core.emit({
      kind: "connect",
      peer: config.name,
      connection: id,
      localAddress,
      ...(saved === undefined ? {} : { localPort: saved.localPort }),
      remote: config.neighbor,
      remotePort,
      ...transportOptions(config),
    });
    return { connection, hurry: saved !== undefined };
  }
}

export function transportOptions(c: PeerConfig): TransportOptions {
  const md5 = c.md5 ?? false;
  return c.ttlSecurity === undefined ? { md5 } : { md5, ttl: 255, minimumTtl: 256 - c.ttlSecurity };
}
