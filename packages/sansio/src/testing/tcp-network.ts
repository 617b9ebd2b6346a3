/**
 * TCP for simulated nodes: connections, streams, refusals and resets over a simulation whose links are `ordered` and lossless
 * (TCP repairs loss; a test of BGP need not). A cut link is silence; a stream with a gap, after one, is reset by its receiver.
 *
 *      dial ──▶ open ──▶ opened ──▶ data ... ──▶ fin        a segment to nobody is answered by reset
 *
 * Connection numbers: those of dialled connections are the caller's (negative by convention), accepted ones count up from 1.
 */
import type { Performed } from "./simulation.ts";

export interface TcpSegment {
  readonly kind: "open" | "opened" | "data" | "fin" | "reset";
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** Counts the segments of one direction of one connection. */
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** What happens to connections, in the words of the BGP speaker's inputs. */
export type TcpEvent =
  | {
      readonly kind: "tcp-accepted";
      readonly connection: number;
      readonly localAddress: string;
      readonly localPort: number;
      readonly remote: string;
      readonly remotePort: number;
    }
  | {
      readonly kind: "tcp-connected";
      readonly connection: number;
      readonly localAddress: string;
      readonly localPort: number;
    }
  | { readonly kind: "tcp-data"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly kind: "tcp-written"; readonly connection: number; readonly bytes: number }
  | { readonly kind: "tcp-closed"; readonly connection: number; readonly reason: string };

type Done = Performed<TcpEvent, TcpSegment>;

interface Connection {
  readonly id: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  state: "opening" | "open";
  sent: number;
  received: number;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
const FIRST_EPHEMERAL_PORT = 49_152;

const keyOf = (local: string, localPort: number, remote: string, remotePort: number): string =>
  `${local} ${localPort} ${remote} ${remotePort}`;

/** The TCP stack of one node. Each method returns what the node's `perform` or `arrive` is to return. */
export class SimulatedTcp {
  readonly #listening: ReadonlySet<number>;
  readonly #byKey = new Map<string, Connection>();
  readonly #byId = new Map<number, Connection>();
  #nextAccepted = 1;
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(options: { readonly listen?: readonly number[] } = {}) {
    this.#listening = new Set(options.listen ?? []);
  }

  /** Dials. Answered by `tcp-connected`, by `tcp-closed`, or never when the link is cut. */
  connect(request: {
    readonly connection: number;
    readonly localAddress: string;
    readonly localPort?: number;
    readonly remote: string;
    readonly remotePort: number;
  }): Done {
    const { connection: id, localAddress: local, remote, remotePort } = request;
    const localPort = request.localPort ?? this.#nextPort++;
    if (this.#byKey.has(keyOf(local, localPort, remote, remotePort)))
      return { inputs: [{ kind: "tcp-closed", connection: id, reason: "address already in use" }] };
    const connection = this.#add({
      id,
      local,
      localPort,
      remote,
      remotePort,
      state: "opening",
      sent: 0,
      received: 0,
    });
    return { send: [this.#segment(connection, "open")] };
  }

  /** Sends in order; the bytes are copied. Writing to a connection that has ended does nothing. */
  write(id: number, bytes: Uint8Array): Done {
    const connection = this.#byId.get(id);
    if (connection?.state !== "open") return {};
    return {
      send: [this.#segment(connection, "data", bytes.slice())],
      inputs: [{ kind: "tcp-written", connection: id, bytes: bytes.length }],
    };
  }

  /** Ends the connection: after what was written, or at once with `abort`. */
  close(id: number, abort: boolean): Done {
    const connection = this.#byId.get(id);
    if (connection === undefined) return {};
    this.#remove(connection);
    return { send: [this.#segment(connection, abort || connection.state === "opening" ? "reset" : "fin")] };
  }

  /** Takes one segment from the network. */
  receive(segment: TcpSegment): Done {
    const { source, sourcePort, destination, destinationPort } = segment;
    const connection = this.#byKey.get(keyOf(destination, destinationPort, source, sourcePort));
    if (connection === undefined) return this.#receiveUnknown(segment);
    if (segment.kind === "reset")
      return this.#end(connection, connection.state === "opening" ? "connection refused" : "reset by peer");
    if (segment.kind === "open") {
      // The peer has forgotten the old connection: a restarted process that uses its port again.
      const ended = this.#end(connection, "reset by peer");
      const accepted = this.#receiveUnknown(segment);
      return {
        send: accepted.send ?? [],
        inputs: [...(ended.inputs ?? []), ...(accepted.inputs ?? [])],
      };
    }
    if (segment.sequence !== connection.received) {
      const ended = this.#end(connection, "the stream has a gap");
      return { ...ended, send: [this.#segment(connection, "reset")] };
    }
    connection.received += 1;
    return this.#receiveInOrder(connection, segment);
  }

  #receiveInOrder(connection: Connection, segment: TcpSegment): Done {
    switch (segment.kind) {
      case "opened":
        connection.state = "open";
        return {
          inputs: [
            {
              kind: "tcp-connected",
              connection: connection.id,
              localAddress: connection.local,
              localPort: connection.localPort,
            },
          ],
        };
      case "data":
        return {
          inputs: [{ kind: "tcp-data", connection: connection.id, bytes: segment.bytes.slice() }],
        };
      default:
        return this.#end(connection, "closed by peer");
    }
  }

  #receiveUnknown(segment: TcpSegment): Done {
    if (segment.kind === "reset") return {};
    const connection: Connection = {
      id: 0,
      local: segment.destination,
      localPort: segment.destinationPort,
      remote: segment.source,
      remotePort: segment.sourcePort,
      state: "open",
      sent: 0,
      received: 1,
    };
    if (segment.kind !== "open" || !this.#listening.has(segment.destinationPort))
      return { send: [this.#segment(connection, "reset")] };
    const accepted = this.#add({ ...connection, id: this.#nextAccepted++ });
    return {
      send: [this.#segment(accepted, "opened")],
      inputs: [
        {
          kind: "tcp-accepted",
          connection: accepted.id,
          localAddress: accepted.local,
          localPort: accepted.localPort,
          remote: accepted.remote,
          remotePort: accepted.remotePort,
        },
      ],
    };
  }

  #end(connection: Connection, reason: string): Done {
    this.#remove(connection);
    return { inputs: [{ kind: "tcp-closed", connection: connection.id, reason }] };
  }

  #add(connection: Connection): Connection {
    const { local, localPort, remote, remotePort } = connection;
    this.#byKey.set(keyOf(local, localPort, remote, remotePort), connection);
    this.#byId.set(connection.id, connection);
    return connection;
  }

  #remove(connection: Connection): void {
    const { local, localPort, remote, remotePort } = connection;
    this.#byKey.delete(keyOf(local, localPort, remote, remotePort));
    this.#byId.delete(connection.id);
  }

  #segment(connection: Connection, kind: TcpSegment["kind"], bytes: Uint8Array = NO_BYTES): TcpSegment {
    return {
      kind,
      source: connection.local,
      sourcePort: connection.localPort,
      destination: connection.remote,
      destinationPort: connection.remotePort,
      sequence: connection.sent++,
      bytes,
    };
  }
}
