/**
 * What a router quotes when an ESP packet of ours did not fit its next link: RFC 792 and RFC 1191 §4 (type 3 code 4),
 * RFC 4443 §3.2 (type 2). The quote ends where the router stopped; RFC 792 asks for 8 bytes behind the IP header, which show
 * the SPI of protocol 50, but of ESP in UDP (RFC 3948 §2.1) only the ports: such a message tells nothing that can be trusted.
 *
 *      0 type │ code │ checksum     4 IPv4: unused u16, MTU u16 │ IPv6: MTU u32     8 the packet at fault ...
 */
import { IpProtocol } from "@tandem/wire";

export interface TooBigMessage {
  readonly family: 4 | 6;
  /** Of the link that it did not fit, bytes of whole IP packets; 0 when an old router does not tell (RFC 1191 §5). */
  readonly mtu: number;
  /** Total length of the packet at fault as its header gives it. */
  readonly length: number;
  /** Whether it might be cut on its way: then no honest router has a reason to complain. */
  readonly mayFragment: boolean;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Of ESP in UDP; absent for protocol 50. */
  readonly ports?: { readonly source: number; readonly destination: number };
  readonly spi: number;
  readonly sequence: number;
}

/** Specification: 8 bytes of ICMP in front of the quote. */
const ICMP_HEADER_LENGTH = 8;
const IPV6_FRAGMENT = 44;
const UDP_LENGTH = 8;

/** `bytes` is one ICMP message whose checksum is right. Undefined when it is of another kind or quotes no ESP header. */
export function decodeTooBig(family: 4 | 6, bytes: Uint8Array): TooBigMessage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < ICMP_HEADER_LENGTH + (family === 4 ? 20 : 40)) return undefined;
  const typeAndCode = view.getUint16(0);
  return family === 4 ? quoted4(bytes, view, typeAndCode) : quoted6(bytes, view, typeAndCode);
}

function quoted4(bytes: Uint8Array, view: DataView, typeAndCode: number): TooBigMessage | undefined {
  if (typeAndCode !== 0x0304) return undefined;
  const at = ICMP_HEADER_LENGTH;
  const headerLength = (bytes[at]! & 15) * 4;
  if (bytes[at]! >> 4 !== 4 || headerLength < 20) return undefined;
  const fragment = view.getUint16(at + 6);
  if ((fragment & 0x1fff) !== 0) return undefined;
  return esp(bytes, view, bytes[at + 9]!, at + headerLength, {
    family: 4,
    mtu: view.getUint16(6),
    length: view.getUint16(at + 2),
    mayFragment: (fragment & 0x4000) === 0,
    source: bytes.slice(at + 12, at + 16),
    destination: bytes.slice(at + 16, at + 20),
  });
}

function quoted6(bytes: Uint8Array, view: DataView, typeAndCode: number): TooBigMessage | undefined {
  if (typeAndCode >> 8 !== 2) return undefined; // RFC 4443 §3.2: the code is ignored by the receiver
  const at = ICMP_HEADER_LENGTH;
  if (bytes[at]! >> 4 !== 6) return undefined;
  let protocol = bytes[at + 6]!;
  let upper = at + 40;
  if (protocol === IPV6_FRAGMENT) {
    if (upper + 8 > bytes.length || (view.getUint16(upper + 2) & 0xfff8) !== 0) return undefined;
    protocol = bytes[upper]!;
    upper += 8;
  }
  return esp(bytes, view, protocol, upper, {
    family: 6,
    mtu: view.getUint32(4),
    length: 40 + view.getUint16(at + 4),
    mayFragment: false,
    source: bytes.slice(at + 8, at + 24),
    destination: bytes.slice(at + 24, at + 40),
  });
}

function esp(
  bytes: Uint8Array,
  view: DataView,
  protocol: number,
  upper: number,
  quoted: Omit<TooBigMessage, "ports" | "spi" | "sequence">,
): TooBigMessage | undefined {
  const udp = protocol === IpProtocol.udp;
  if (!udp && protocol !== IpProtocol.esp) return undefined;
  const at = udp ? upper + UDP_LENGTH : upper;
  if (at + 8 > bytes.length) return undefined;
  const spi = view.getUint32(at);
  if (spi === 0) return undefined; // the non-ESP marker: an IKE message
  return {
    ...quoted,
    ...(udp && { ports: { source: view.getUint16(upper), destination: view.getUint16(upper + 2) } }),
    spi,
    sequence: view.getUint32(at + 4),
  };
}
