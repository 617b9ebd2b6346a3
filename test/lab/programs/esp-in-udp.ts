/**
 * Sends malformed ESP in UDP (RFC 3948), kind by kind, in the name of the peer. Prints one JSON line: how many of each
 * kind were sent, and how many datagrams came back meanwhile that are no ESP.
 *
 *      node esp-in-udp.ts FILE.pcapng FROM TO COUNT SEED
 *
 * FILE is a capture of the attacked process: it gives the SPI and a genuine packet.
 */
import { readFileSync } from "node:fs";
import { createArena, openPacketSocket, openRawSocket } from "../../../packages/linux/src/index.ts";
import { seededRandom } from "../../../packages/sansio/src/index.ts";
import { decodePcapng } from "../../../packages/wire/src/index.ts";

const [file = "", from = "", to = "", countText = "100", seedText = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seedText));
const UDP = 17;
const PORT = 4500;
const UDP_HEADER = 8;
/** SPI, sequence number, IV of AES-GCM, one block, ICV: less cannot be a packet. */
const SHORTEST = 8 + 8 + 4 + 16;
const BURST = 16;

const genuine = lastEspOfPeer();
const spi = genuine.slice(0, 4);
const highest = new DataView(genuine.buffer, genuine.byteOffset).getUint32(4);

/** By the name of the counter that each must raise; `ike-garbage` goes to the IKE engine instead. */
const KINDS: Readonly<Record<string, (n: number) => Uint8Array>> = {
  keepalive: () => Uint8Array.of(0xff),
  // Nothing at all, or up to three bytes that are no keepalive.
  "outer-not-esp": (n) => random.bytes(n % 4).map((byte) => byte & 0x7f),
  "unknown-spi": (n) => withSpi(0x100 + n, random.bytes(4 + random.below(200))),
  "esp-truncated": (n) => Uint8Array.of(...spi, ...random.bytes(n % (SHORTEST - 4))),
  // The right SPI and a sequence number that was never used, under an ICV that is not its own.
  "bad-icv": (n) => {
    const forged = genuine.slice();
    new DataView(forged.buffer).setUint32(4, highest + 2000 + n);
    forged[forged.length - 1]! ^= 1 + random.below(255);
    return forged;
  },
  "replay-seen": () => genuine,
  // The non-ESP marker, and behind it what is no IKE message.
  "ike-garbage": (n) => Uint8Array.of(0, 0, 0, 0, ...random.bytes(n % 60)),
};

const arena = createArena(1 << 20);
const buffer = arena.allocate(2048);
const socket = openRawSocket(arena, { address: from, protocol: UDP });
const path = socket.createPath(from, to, 0);
const link = openPacketSocket(arena, "out");
const sent: Record<string, number> = {};
let answers = 0;

for (const [kind, make] of Object.entries(KINDS)) {
  sent[kind] = 0;
  for (let n = 0; n < Number(countText); n++) {
    if (send(make(n))) sent[kind]++;
    if (n % BURST === 0) await breath();
  }
  await breath();
}
setTimeout(() => {
  listen();
  process.stdout.write(`${JSON.stringify({ sent, answers })}\n`);
  process.exit(0);
}, 300);

function breath(): Promise<void> {
  listen();
  return new Promise((resolve) => setTimeout(resolve, 1));
}

function send(payload: Uint8Array): boolean {
  const length = UDP_HEADER + payload.length;
  arena.view.setUint16(buffer, PORT);
  arena.view.setUint16(buffer + 2, PORT);
  arena.view.setUint16(buffer + 4, length);
  arena.view.setUint16(buffer + 6, 0);
  arena.bytes.set(payload, buffer + UDP_HEADER);
  return socket.send(path, buffer, length, 0, 0) >= 0;
}

function withSpi(value: number, rest: Uint8Array): Uint8Array {
  const packet = new Uint8Array(4 + rest.length);
  new DataView(packet.buffer).setUint32(0, value);
  packet.set(rest, 4);
  return packet;
}

/** The newest ESP packet that the process received in UDP. */
function lastEspOfPeer(): Uint8Array {
  // A Buffer would hand out slices that share its memory: a change to one packet would be a change to the sample.
  const decoded = decodePcapng(new Uint8Array(readFileSync(file)));
  if (!decoded.ok) throw new Error("the capture cannot be read");
  const found = decoded.value.packets.flatMap(({ bytes }): Uint8Array[] => {
    if (bytes[0]! >> 4 !== 4 || bytes[9] !== UDP || bytes.slice(16, 20).join(".") !== to) return [];
    const datagram = bytes.subarray((bytes[0]! & 15) * 4);
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    if (view.getUint16(2) !== PORT || datagram.length < UDP_HEADER + SHORTEST || view.getUint32(8) === 0)
      return [];
    return [datagram.slice(UDP_HEADER, view.getUint16(4))];
  });
  const last = found.at(-1);
  if (last === undefined) throw new Error("there is no ESP in UDP in the capture");
  return last;
}

/** What comes from the process and is no ESP in UDP. */
function listen(): void {
  for (let frame = link.receive(); frame !== undefined; frame = link.receive()) {
    const { bytes } = frame;
    if (frame.direction !== "in" || frame.etherType !== 0x0800) continue;
    if (bytes.slice(12, 16).join(".") !== to) continue;
    const header = (bytes[0]! & 15) * 4;
    const first = new DataView(bytes.buffer, bytes.byteOffset + header + UDP_HEADER, 4);
    if (bytes[9] !== UDP || first.getUint32(0) === 0) answers++;
  }
}
