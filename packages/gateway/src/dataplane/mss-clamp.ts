/**
 * Lowers the MSS option of TCP SYN segments that pass, in both directions (the cloud's gateways do: 1350), so that no
 * end has to find out about the tunnel's overhead. RFC 9293 §3.2; checksum by RFC 1624.
 */
import { type InnerPacket, PROTOCOL_TCP } from "@tandem/esp";
import { updateChecksum } from "./checksum.ts";

const SYN = 0x02;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;

/** `limit` is in bytes; 0 leaves everything as it is. The packet's checksum must be complete, not partial. */
export function clampMss(packet: InnerPacket, bytes: Uint8Array, view: DataView, limit: number): void {
  if (limit === 0 || packet.protocol !== PROTOCOL_TCP || packet.fragmentOffset > 0) return;
  const tcp = packet.upper;
  const end = packet.offset + packet.length;
  if (tcp + 20 > end || (bytes[tcp + 13]! & SYN) === 0) return;
  const optionsEnd = Math.min(end, tcp + (bytes[tcp + 12]! >> 4) * 4);
  let at = tcp + 20;
  while (at < optionsEnd) {
    const kind = bytes[at]!;
    if (kind === OPTION_END) return;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 1 >= optionsEnd) return;
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > optionsEnd) return;
    if (kind === OPTION_MSS && length === 4) {
      const mss = view.getUint16(at + 2);
      if (mss <= limit) return;
      view.setUint16(at + 2, limit);
      // An option may start at an odd place: then its value straddles two 16-bit words of the sum, each byte swapped.
      const odd = ((at + 2 - tcp) & 1) !== 0;
      if (odd) updateChecksum(view, tcp + 16, swap(mss), swap(limit));
      else updateChecksum(view, tcp + 16, mss, limit);
      return;
    }
    at += length;
  }
}

const swap = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
