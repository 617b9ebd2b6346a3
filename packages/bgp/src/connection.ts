import type { BgpEffect } from "./events.ts";
import { Framer } from "./message/framer.ts";
import type { Open } from "./message/open.ts";

/** One TCP connection to a peer, dialled or accepted. It knows bytes and ports, not what they mean. */
export class Connection {
  readonly id: number;
  readonly peer: string;
  /** Accepted: the peer dialled. */
  readonly incoming: boolean;
  readonly framer: Framer = new Framer();
  readonly #emit: (effect: BgpEffect) => void;
  localAddress: string;
  localPort: number;
  readonly remotePort: number;
  established = false;
  closed = false;
  /** The peer's OPEN, once it came. */
  open: Open | undefined = undefined;
  /** Bytes given to the driver and not yet reported as sent. */
  unsent = 0;
  /** Bytes reported as sent, ever. */
  sent = 0;
  messagesSent = 0;
  messagesReceived = 0;

  constructor(
    id: number,
    peer: string,
    incoming: boolean,
    ports: { readonly localAddress: string; readonly localPort: number; readonly remotePort: number },
    emit: (effect: BgpEffect) => void,
  ) {
    this.id = id;
    this.peer = peer;
    this.incoming = incoming;
    this.localAddress = ports.localAddress;
    this.localPort = ports.localPort;
    this.remotePort = ports.remotePort;
    this.#emit = emit;
  }

  /** `messages` is how many messages `bytes` holds. */
  write(bytes: Uint8Array, messages: number): void {
    if (this.closed) return;
    this.unsent += bytes.length;
    this.messagesSent += messages;
    this.#emit({ kind: "write", peer: this.peer, connection: this.id, bytes });
  }

  reportSent(bytes: number): void {
    this.sent += bytes;
    this.unsent = Math.max(0, this.unsent - bytes);
  }

  close(abort: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.#emit({ kind: "close", peer: this.peer, connection: this.id, abort });
  }
}
