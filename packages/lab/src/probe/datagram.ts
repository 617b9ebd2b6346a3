/**
 * A probe datagram, big-endian:
 *
 *      0        4        8        12               20
 *      ├ magic ─┼─ flow ─┼─ sequence ─┼─ sent, µs ─┤ padding up to the asked size
 *
 * `sent` is CLOCK_MONOTONIC, which all namespaces of a machine share: one-way delay needs no clock synchronisation.
 */
export const PROBE_HEADER_LENGTH = 20;
const MAGIC = 0x74616e64;

export interface ProbeDatagram {
  readonly flow: number;
  readonly sequence: number;
  readonly sentMicroseconds: number;
}

export function encodeProbe(into: Buffer, { flow, sequence, sentMicroseconds }: ProbeDatagram): void {
  into.writeUInt32BE(MAGIC, 0);
  into.writeUInt32BE(flow, 4);
  into.writeUInt32BE(sequence, 8);
  into.writeDoubleBE(sentMicroseconds, 12);
}

export function decodeProbe(bytes: Buffer, offset = 0): ProbeDatagram | undefined {
  if (bytes.length - offset < PROBE_HEADER_LENGTH || bytes.readUInt32BE(offset) !== MAGIC) return undefined;
  return {
    flow: bytes.readUInt32BE(offset + 4),
    sequence: bytes.readUInt32BE(offset + 8),
    sentMicroseconds: bytes.readDoubleBE(offset + 12),
  };
}

/** Microseconds of CLOCK_MONOTONIC. */
export function monotonicMicroseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
