/**
 * Writes a capture as pieces: the caller appends each returned piece to the file. One section, many interfaces, comments on
 * packets (draft-ietf-opsawg-pcapng §4). Opens in Wireshark and tshark.
 */
import { encodeUtf8 } from "../text.ts";
import {
  BYTE_ORDER_MAGIC,
  encodeBlock,
  PacketDirection,
  type PacketDirectionName,
  PcapngBlock,
  PcapngOption,
  type PcapngOptionValue,
} from "./block.ts";

const NANOSECONDS = 9; // if_tsresol: 10^-9

export interface CapturedPacket {
  /** Number that `addInterface` gave. */
  readonly interfaceId: number;
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly timestamp: bigint;
  readonly bytes: Uint8Array;
  /** Length on the wire when `bytes` was cut. */
  readonly originalLength?: number;
  readonly direction?: PacketDirectionName;
  readonly comment?: string;
}

export class PcapngWriter {
  #interfaces = 0;

  /** The section header: first piece of the file. */
  start(application: string, comment?: string): Uint8Array {
    const body = new Uint8Array(16);
    const view = new DataView(body.buffer);
    view.setUint32(0, BYTE_ORDER_MAGIC, true);
    view.setUint16(4, 1, true); // version 1.0
    view.setBigUint64(8, 0xffffffffffffffffn, true); // section length not given
    return encodeBlock(PcapngBlock.sectionHeader, body, [
      ...commentOption(comment),
      { code: PcapngOption.userApplication, value: encodeUtf8(application) },
    ]);
  }

  /** Describes one more interface, such as "gw/IN_0 outside"; its packets may follow. */
  addInterface(
    name: string,
    linkType: number,
    description?: string,
  ): { readonly id: number; readonly piece: Uint8Array } {
    const body = new Uint8Array(8);
    new DataView(body.buffer).setUint16(0, linkType, true); // snap length 0: no limit
    const options: PcapngOptionValue[] = [
      { code: PcapngOption.interfaceName, value: encodeUtf8(name) },
      { code: PcapngOption.timestampResolution, value: Uint8Array.of(NANOSECONDS) },
    ];
    if (description !== undefined) {
      options.push({ code: PcapngOption.interfaceDescription, value: encodeUtf8(description) });
    }
    return {
      id: this.#interfaces++,
      piece: encodeBlock(PcapngBlock.interfaceDescription, body, options),
    };
  }

  /** Throws a RangeError for an interface that was not added. */
  packet(packet: CapturedPacket): Uint8Array {
    if (packet.interfaceId < 0 || packet.interfaceId >= this.#interfaces) {
      throw new RangeError(`interface ${packet.interfaceId} of ${this.#interfaces}`);
    }
    const body = new Uint8Array(20 + packet.bytes.length);
    const view = new DataView(body.buffer);
    view.setUint32(0, packet.interfaceId, true);
    view.setUint32(4, Number((packet.timestamp >> 32n) & 0xffffffffn), true);
    view.setUint32(8, Number(packet.timestamp & 0xffffffffn), true);
    view.setUint32(12, packet.bytes.length, true);
    view.setUint32(16, packet.originalLength ?? packet.bytes.length, true);
    body.set(packet.bytes, 20);
    const options = commentOption(packet.comment);
    if (packet.direction !== undefined) {
      const value = new Uint8Array(4);
      value[0] = PacketDirection[packet.direction];
      options.push({ code: PcapngOption.packetFlags, value });
    }
    return encodeBlock(PcapngBlock.enhancedPacket, body, options);
  }
}

function commentOption(comment: string | undefined): PcapngOptionValue[] {
  return comment === undefined ? [] : [{ code: PcapngOption.comment, value: encodeUtf8(comment) }];
}
