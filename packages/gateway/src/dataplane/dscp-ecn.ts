/**
 * DSCP and ECN across the tunnel: RFC 4301 §5.1.2 (DSCP copied outwards, the inner one kept on the way in) and RFC 6040
 * (ECN copied outwards in normal mode; combined on the way in).
 */
import { DropReason, type InnerPacket } from "@tandem/esp";
import { updateChecksum } from "./checksum.ts";

const NOT_ECT = 0;
const ECT_1 = 1;
const CE = 3;
const ECN_ILLEGAL = DropReason["ecn-illegal"];

/** The outer TOS octet for an inner one: DSCP and ECN as they are (RFC 6040 §4.1 normal mode). */
export const outerTrafficClass = (inner: number): number => inner;

/**
 * Applies RFC 6040 §4.2 (figure 4) to the decapsulated packet, in place. 0, or the DropReason when the combination means
 * that congestion was signalled to a sender that does not know ECN.
 */
export function decapsulateEcn(packet: InnerPacket, view: DataView, outer: number): number {
  const outerEcn = outer & 3;
  if (outerEcn === NOT_ECT) return 0;
  const innerEcn = packet.trafficClass & 3;
  if (outerEcn === CE) {
    if (innerEcn === NOT_ECT) return ECN_ILLEGAL;
    if (innerEcn !== CE) setTrafficClass(packet, view, (packet.trafficClass & 0xfc) | CE);
  } else if (outerEcn === ECT_1 && innerEcn === 2) {
    setTrafficClass(packet, view, (packet.trafficClass & 0xfc) | ECT_1);
  }
  return 0;
}

export function setTrafficClass(packet: InnerPacket, view: DataView, value: number): void {
  const at = packet.offset;
  const before = view.getUint16(at);
  const after = packet.family === 4 ? (before & 0xff00) | value : (before & 0xf00f) | (value << 4);
  view.setUint16(at, after);
  if (packet.family === 4) updateChecksum(view, at + 10, before, after);
  packet.trafficClass = value;
}
