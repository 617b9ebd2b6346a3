/** NAT detection (RFC 7296 §2.23): SHA-1 over SPIs, address and port, compared on both sides. */
import { constantTimeEqual, hash, hexToBytes } from "@tandem/crypto";
import { parseAddress } from "@tandem/wire";
import { NotifyType } from "./iana.ts";
import { u16 } from "./message/octets.ts";
import type { Payload } from "./message/payload.ts";
import { type NotifyPayload, notify } from "./message/payloads/notify.ts";

interface Ends {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
}

function detectionHash(spiI: string, spiR: string, address: string, port: number): Uint8Array {
  return hash("sha1", hexToBytes(spiI), hexToBytes(spiR), parseAddress(address)!, u16(port));
}

/** `force`: the source hash is made to fail, so that both sides encapsulate (RFC 7296 §2.23 lets the peer believe in a NAT). */
export function natDetectionNotifies(
  spiI: string,
  spiR: string,
  ends: Ends,
  force: boolean,
): NotifyPayload[] {
  const source = detectionHash(spiI, spiR, ends.local, ends.localPort);
  if (force) source[0]! ^= 0xff;
  return [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP, source),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP, detectionHash(spiI, spiR, ends.remote, ends.remotePort)),
  ];
}

export interface NatVerdict {
  /** The peer sent the notifies at all. */
  readonly supported: boolean;
  /** We are behind a NAT. */
  readonly local: boolean;
  /** The peer is behind a NAT (or says so). */
  readonly remote: boolean;
}

export function detectNat(payloads: readonly Payload[], spiI: string, spiR: string, ends: Ends): NatVerdict {
  const of = (type: number): NotifyPayload[] =>
    payloads.filter((p): p is NotifyPayload => p.kind === "N" && p.type === type);
  const sources = of(NotifyType.NAT_DETECTION_SOURCE_IP);
  const destinations = of(NotifyType.NAT_DETECTION_DESTINATION_IP);
  if (sources.length === 0 || destinations.length === 0)
    return { supported: false, local: false, remote: false };
  const peer = detectionHash(spiI, spiR, ends.remote, ends.remotePort);
  const own = detectionHash(spiI, spiR, ends.local, ends.localPort);
  return {
    supported: true,
    local: !destinations.some((p) => constantTimeEqual(p.data, own)),
    remote: !sources.some((p) => constantTimeEqual(p.data, peer)),
  };
}
