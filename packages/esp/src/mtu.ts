/**
 * How much a tunnel adds, and so what fits (RFC 4301 §8.2). All lengths in bytes of whole IP packets.
 */
import { ESP_HEADER_LENGTH, ESP_TRAILER_LENGTH, type EspFraming, espAlignment } from "./packet.ts";

export const IPV4_HEADER_LENGTH = 20;
export const IPV6_HEADER_LENGTH = 40;
export const UDP_HEADER_LENGTH = 8;

/** Azure's documented MSS for its gateways; the default of the clamp. */
export const DEFAULT_MSS = 1350;

/** Bytes in front of the ESP header. */
export const outerHeaderLength = (family: 4 | 6, udp: boolean): number =>
  (family === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH) + (udp ? UDP_HEADER_LENGTH : 0);

/** The largest inner packet whose ESP packet fits an outer MTU. */
export function innerMtu(framing: EspFraming, outerMtu: number, family: 4 | 6, udp: boolean): number {
  const room =
    outerMtu - outerHeaderLength(family, udp) - ESP_HEADER_LENGTH - framing.ivLength - framing.icvLength;
  const alignment = espAlignment(framing);
  return Math.floor(room / alignment) * alignment - ESP_TRAILER_LENGTH;
}

/** The TCP MSS that fits an inner MTU. */
export const mssFor = (mtu: number, family: 4 | 6): number =>
  mtu - (family === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH) - 20;
