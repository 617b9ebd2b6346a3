/**
 * The smallest ESP there can be: answers pings through the engine's Child SAs, so that a ping from charon's side proves
 * the key material of both directions, the selectors and the SPIs. No replay window, no fragments.
 */
import { type ArenaPacketCipher, nodePacketCipher, type PacketArena } from "@tandem/crypto";
import type { ChildSaInstall } from "../../src/index.ts";

const HEADER = 8;
const buffer = new ArrayBuffer(65_536);
const arena: PacketArena = { bytes: new Uint8Array(buffer), view: new DataView(buffer), base: 0 };

interface Association {
  readonly install: ChildSaInstall;
  readonly open: ArenaPacketCipher;
  readonly seal: ArenaPacketCipher;
  outboundReady: boolean;
  sequence: number;
  packets: number;
}

export interface EspAnswer {
  /** The Child SA on which the packet came. */
  readonly childSa: string;
  readonly reply: Uint8Array | undefined;
}

export class EspEcho {
  readonly #bySpi: Map<number, Association> = new Map();
  /** Packets that could not be opened, or whose SPI nobody owns. */
  failures = 0;

  add(install: ChildSaInstall): void {
    const { suite, esn } = install;
    this.#bySpi.set(install.spiIn, {
      install,
      open: nodePacketCipher.create("open", suite, esn, install.inbound, arena),
      seal: nodePacketCipher.create("seal", suite, esn, install.outbound, arena),
      outboundReady: false,
      sequence: 0,
      packets: 0,
    });
  }

  outboundReady(childSa: string): void {
    const one = this.#associations.find(({ install }) => install.childSa === childSa);
    if (one !== undefined) one.outboundReady = true;
  }

  remove(spiIn: number): void {
    this.#bySpi.delete(spiIn);
  }

  /** Packets received on each Child SA. */
  get packets(): Record<string, number> {
    return Object.fromEntries(this.#associations.map((one) => [one.install.childSa, one.packets]));
  }

  get #associations(): Association[] {
    return [...this.#bySpi.values()];
  }

  receive(packet: Uint8Array): EspAnswer | undefined {
    const spi = new DataView(packet.buffer, packet.byteOffset).getUint32(0);
    const one = this.#bySpi.get(spi);
    arena.bytes.set(packet, 0);
    const length = one?.open.open(0, packet.length, 0) ?? -1;
    if (one === undefined || length < 0) {
      this.failures++;
      return undefined;
    }
    one.packets++;
    const start = HEADER + one.open.ivLength;
    const padding = arena.bytes[start + length - 2]!;
    const inner = arena.bytes.slice(start, start + length - 2 - padding);
    const echo = echoReply(inner);
    // The newest SA that may send and whose selectors allow it: what a gateway does after a rekey.
    const outbound = this.#associations
      .reverse()
      .find((other) => other.outboundReady && echo !== undefined && allows(other.install, echo));
    return {
      childSa: one.install.childSa,
      reply: outbound === undefined || echo === undefined ? undefined : seal(outbound, echo),
    };
  }
}

function seal(one: Association, inner: Uint8Array): Uint8Array {
  const { ivLength, blockLength } = one.seal;
  const block = Math.max(4, blockLength);
  const padding = (block - ((inner.length + 2) % block)) % block;
  const start = HEADER + ivLength;
  arena.bytes.set(inner, start);
  for (let i = 0; i < padding; i++) arena.bytes[start + inner.length + i] = i + 1;
  arena.bytes[start + inner.length + padding] = padding;
  arena.bytes[start + inner.length + padding + 1] = inner[0]! >> 4 === 4 ? 4 : 41;
  one.sequence++;
  arena.view.setUint32(0, one.install.spiOut);
  arena.view.setUint32(4, one.sequence);
  const length = one.seal.seal(0, start, inner.length + padding + 2, 0, one.sequence);
  return arena.bytes.slice(0, length);
}

/** The answer to an ICMP echo request, v4 or v6; undefined for anything else. */
function echoReply(packet: Uint8Array): Uint8Array | undefined {
  const six = packet[0]! >> 4 === 6;
  const [source, size, payload, request, answer] = six ? [8, 16, 40, 128, 129] : [12, 4, 20, 8, 0];
  if (packet[payload] !== request) return undefined;
  const out = packet.slice();
  out.copyWithin(source, source + size, source + 2 * size);
  out.set(packet.subarray(source, source + size), source + size);
  out[payload] = answer;
  // RFC 1624: the checksum follows the one octet that changed; swapped addresses add up to the same.
  const old = (out[payload + 2]! << 8) | out[payload + 3]!;
  let sum = (~old & 0xffff) + (~(request << 8) & 0xffff) + (answer << 8);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  out[payload + 2] = sum >> 8;
  out[payload + 3] = sum & 0xff;
  return out;
}

function allows(install: ChildSaInstall, packet: Uint8Array): boolean {
  const six = packet[0]! >> 4 === 6;
  const destination = six ? packet.subarray(24, 40) : packet.subarray(16, 20);
  return install.remoteSelectors.some(({ startAddress, endAddress }) => {
    if (startAddress.includes(":") !== six) return false;
    return compare(octets(startAddress), destination) <= 0 && compare(destination, octets(endAddress)) <= 0;
  });
}

const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

function octets(address: string): Uint8Array {
  if (!address.includes(":")) return Uint8Array.from(address.split("."), Number);
  const [head = "", tail] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const left = groups(head);
  const right = groups(tail ?? "");
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return Uint8Array.from(
    all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
  );
}
