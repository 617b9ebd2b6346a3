/**
 * UDP. Read: RFC 768, RFC 8200 §8.1 (checksum mandatory over IPv6).
 *
 *      0  source port 16 │ destination port 16
 *      4  length 16 │ checksum 16
 */
import { checksumOf } from "./checksum.ts";
import { type Decoded, decoded, malformed } from "./decoded.ts";
import { IpProtocol } from "./ip-protocol.ts";
import { type PseudoHeader, sumPseudoHeader } from "./pseudo-header.ts";

export const UDP_HEADER_LENGTH = 8;

/** Offsets for code that works on packets in place. */
export const UdpField = { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6 } as const;

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export const udpDatagramLength = (datagram: UdpDatagram): number =>
  UDP_HEADER_LENGTH + datagram.payload.length;

/** With `addresses` the checksum is verified too; zero means "none" and passes over IPv4 only. */
export function decodeUdpDatagram(bytes: Uint8Array, addresses?: PseudoHeader): Decoded<UdpDatagram> {
  if (bytes.length < UDP_HEADER_LENGTH) return malformed("shorter than a UDP header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint16(4);
  if (length < UDP_HEADER_LENGTH || length > bytes.length) return malformed("UDP length out of bounds");
  if (addresses !== undefined) {
    const none = view.getUint16(6) === 0;
    if (none && addresses.source.length === 16) return malformed("UDP over IPv6 without a checksum");
    const sum = sumPseudoHeader(addresses, IpProtocol.udp, length);
    if (!none && checksumOf(bytes.subarray(0, length), sum) !== 0) return malformed("UDP checksum");
  }
  return decoded({
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    payload: bytes.slice(UDP_HEADER_LENGTH, length),
  });
}

export function encodeUdpDatagram(datagram: UdpDatagram, addresses: PseudoHeader): Uint8Array {
  const length = udpDatagramLength(datagram);
  if (length > 0xffff) throw new RangeError(`a UDP datagram of ${length} bytes`);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, datagram.sourcePort);
  view.setUint16(2, datagram.destinationPort);
  view.setUint16(4, length);
  bytes.set(datagram.payload, UDP_HEADER_LENGTH);
  const checksum = checksumOf(bytes, sumPseudoHeader(addresses, IpProtocol.udp, length));
  view.setUint16(6, checksum === 0 ? 0xffff : checksum); // RFC 768: zero is sent as all ones
  return bytes;
}
