/** ESP packets by node:crypto and what routers say about them, without any of the code under test. */
import { createCipheriv } from "node:crypto";
import type { EspKeys } from "@tandem/esp";
import { sum16 } from "./packet-model.ts";

/**
 * AES-128-GCM in UDP (RFC 4106). `plain` is everything that is encrypted: inner packet, padding, pad length, next header.
 */
export function sealed(keys: EspKeys, spi: number, sequence: number, plain: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(spi, 0);
  header.writeUInt32BE(sequence, 4);
  header.writeUInt32BE(sequence, 12);
  const nonce = Buffer.concat([keys.salt, header.subarray(8)]);
  const cipher = createCipheriv("aes-128-gcm", keys.encryption, nonce).setAAD(header.subarray(0, 8));
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Padding and trailer as RFC 4303 §2.4 has them. */
export function withTrailer(packet: Uint8Array, nextHeader: number): Uint8Array {
  const padding = (4 - ((packet.length + 2) & 3)) & 3;
  const trailer = Uint8Array.from({ length: padding + 2 }, (_, i) => i + 1);
  trailer[padding] = padding;
  trailer[padding + 1] = nextHeader;
  return Buffer.concat([packet, trailer]);
}

/** ICMP "fragmentation needed" (RFC 1191 §4) about an ESP packet in UDP of 1400 bytes with DF, ports 4500. */
export function tooBig(about: {
  readonly source: string;
  readonly destination: string;
  readonly mtu: number;
  readonly spi: number;
  readonly sequence: number;
}): Buffer {
  const bytes = Buffer.alloc(8 + 20 + 8 + 8);
  bytes.writeUInt16BE(0x0304, 0);
  bytes.writeUInt16BE(about.mtu, 6);
  bytes.writeUInt16BE(0x4500, 8);
  bytes.writeUInt16BE(1400, 10);
  bytes.writeUInt16BE(0x4000, 14);
  bytes.writeUInt16BE(0x3e11, 16);
  bytes.set(about.source.split(".").map(Number), 20);
  bytes.set(about.destination.split(".").map(Number), 24);
  bytes.writeUInt16BE(4500, 28);
  bytes.writeUInt16BE(4500, 30);
  bytes.writeUInt32BE(about.spi, 36);
  bytes.writeUInt32BE(about.sequence, 40);
  bytes.writeUInt16BE(~sum16(bytes) & 0xffff, 2);
  return bytes;
}
