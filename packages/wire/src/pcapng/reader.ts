/** Reads what the writer, Wireshark and tcpdump write: section headers, interfaces, enhanced packets. Other blocks are skipped. */
import { type Decoded, decoded, malformed } from "../decoded.ts";
import { decodeUtf8 } from "../text.ts";
import {
  BYTE_ORDER_MAGIC,
  PacketDirection,
  type PacketDirectionName,
  PcapngBlock,
  PcapngOption,
  type PcapngOptionValue,
} from "./block.ts";
import type { CapturedPacket } from "./writer.ts";

export interface PcapngInterface {
  readonly name: string | undefined;
  readonly linkType: number;
  /** Ticks per second. */
  readonly resolution: bigint;
}

export interface PcapngFile {
  readonly interfaces: readonly PcapngInterface[];
  /** Timestamps in nanoseconds; interface ids count through all sections. */
  readonly packets: readonly CapturedPacket[];
}

interface Section {
  readonly little: boolean;
  readonly firstInterface: number;
}

export function decodePcapng(bytes: Uint8Array): Decoded<PcapngFile> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const interfaces: PcapngInterface[] = [];
  const packets: CapturedPacket[] = [];
  let section: Section | undefined;
  let at = 0;
  while (at < bytes.length) {
    if (at + 12 > bytes.length) return malformed(`block at ${at} is cut`);
    // The section header's type reads the same in both byte orders.
    if (view.getUint32(at, true) === PcapngBlock.sectionHeader) {
      const little = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
      if (!little && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC) return malformed("no byte-order magic");
      section = { little, firstInterface: interfaces.length };
    }
    if (section === undefined) return malformed("does not start with a section header");
    const { little } = section;
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0 || at + length > bytes.length) {
      return malformed(`block length ${length} at ${at}`);
    }
    const body = bytes.subarray(at + 8, at + length - 4);
    switch (view.getUint32(at, little)) {
      case PcapngBlock.interfaceDescription: {
        const description = decodeInterface(body, little);
        if (!description.ok) return description;
        interfaces.push(description.value);
        break;
      }
      case PcapngBlock.enhancedPacket: {
        const packet = decodePacket(body, section, interfaces);
        if (!packet.ok) return packet;
        packets.push(packet.value);
        break;
      }
    }
    at += length;
  }
  return decoded({ interfaces, packets });
}

function decodeInterface(body: Uint8Array, little: boolean): Decoded<PcapngInterface> {
  if (body.length < 8) return malformed("interface description is cut");
  const options = decodeOptions(body, 8, little);
  if (options === undefined) return malformed("interface options are cut");
  const name = options.find((option) => option.code === PcapngOption.interfaceName);
  const tick = options.find((option) => option.code === PcapngOption.timestampResolution)?.value[0] ?? 6;
  return decoded({
    name: name === undefined ? undefined : decodeUtf8(name.value),
    linkType: viewOf(body).getUint16(0, little),
    resolution: tick & 0x80 ? 2n ** BigInt(tick & 0x7f) : 10n ** BigInt(tick),
  });
}

function decodePacket(
  body: Uint8Array,
  section: Section,
  interfaces: readonly PcapngInterface[],
): Decoded<CapturedPacket> {
  const { little } = section;
  if (body.length < 20) return malformed("packet block is cut");
  const view = viewOf(body);
  const interfaceId = section.firstInterface + view.getUint32(0, little);
  const captured = view.getUint32(12, little);
  const description = interfaces[interfaceId];
  if (description === undefined) return malformed(`packet of unknown interface ${interfaceId}`);
  if (20 + captured > body.length) return malformed("packet data are cut");
  const options = decodeOptions(body, 20 + ((captured + 3) & ~3), little);
  if (options === undefined) return malformed("packet options are cut");
  const ticks = (BigInt(view.getUint32(4, little)) << 32n) | BigInt(view.getUint32(8, little));
  const flags = options.find((option) => option.code === PcapngOption.packetFlags);
  const note = options.find((option) => option.code === PcapngOption.comment);
  const comment = note === undefined ? undefined : decodeUtf8(note.value);
  const direction = flags?.value.length === 4 ? directionOf(flags.value[little ? 0 : 3]!) : undefined;
  return decoded({
    interfaceId,
    timestamp: (ticks * 1_000_000_000n) / description.resolution,
    bytes: body.slice(20, 20 + captured),
    originalLength: view.getUint32(16, little),
    ...(direction === undefined ? {} : { direction }),
    ...(comment === undefined ? {} : { comment }),
  });
}

function directionOf(flags: number): PacketDirectionName | undefined {
  const names = Object.keys(PacketDirection) as PacketDirectionName[];
  return names.find((name) => PacketDirection[name] === (flags & 3));
}

function decodeOptions(body: Uint8Array, start: number, little: boolean): PcapngOptionValue[] | undefined {
  const view = viewOf(body);
  const options: PcapngOptionValue[] = [];
  let at = start;
  while (at + 4 <= body.length) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === PcapngOption.end) return options;
    if (at + 4 + length > body.length) return undefined;
    options.push({ code, value: body.slice(at + 4, at + 4 + length) });
    at += 4 + ((length + 3) & ~3);
  }
  return options;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
