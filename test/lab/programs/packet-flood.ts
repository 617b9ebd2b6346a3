/**
 * Sends mutated copies of captured packets, and some that never were packets, in the name of the peer, and notes what
 * the attacked process answers to them over the same link. Prints one JSON line.
 *
 *      node packet-flood.ts FILE.pcapng FROM TO COUNT SEED
 */
import { readFileSync } from "node:fs";
import { createArena, openPacketSocket, openRawSocket } from "../../../packages/linux/src/index.ts";
import { seededRandom } from "../../../packages/sansio/src/index.ts";
import { decodePcapng } from "../../../packages/wire/src/index.ts";

const [file = "", from = "", to = "", countText = "1000", seedText = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seedText));
const below = (n: number): number => random.below(n);
const UDP = 17;
const ESP = 50;
const IKE_PORTS = [500, 4500];
/** Enough at a time to keep the process busy, not so much that the kernel's queue drops most of it unread. */
const BURST = 32;

interface Sample {
  readonly protocol: typeof UDP | typeof ESP;
  /** The UDP datagram with its header, or the ESP packet. */
  readonly payload: Uint8Array;
}

const samples = outerPackets();
const arena = createArena(4 << 20);
const buffer = arena.allocate(2048);
const sockets = { [UDP]: open(UDP), [ESP]: open(ESP) };
const link = openPacketSocket(arena, "out");
const answers = new Map<string, number>();
/** By errno, negative: what the kernel would not send. */
const refused = new Map<number, number>();
let sent = 0;

const count = Number(countText);
const step = (): void => {
  for (let i = 0; i < BURST && sent < count; i++) send(sample());
  listen();
  if (sent < count) setTimeout(step, 1);
  else setTimeout(finish, 500);
};
step();

function finish(): void {
  listen();
  process.stdout.write(
    `${JSON.stringify({ sent, samples: samples.length, refused: Object.fromEntries(refused), answers: Object.fromEntries(answers) })}\n`,
  );
  process.exit(0);
}

function open(protocol: number) {
  const socket = openRawSocket(arena, { address: from, protocol });
  return { socket, path: socket.createPath(from, to, 0) };
}

function send({ protocol, payload }: Sample): void {
  arena.bytes.set(payload, buffer);
  const { socket, path } = sockets[protocol];
  const result = socket.send(path, buffer, payload.length, 0, 0);
  sent++;
  if (result < 0) refused.set(result, (refused.get(result) ?? 0) + 1);
}

/** What the peer had sent to the process, as it stood on the wire. */
function outerPackets(): Sample[] {
  // A Buffer would hand out slices that share its memory: a change to one packet would be a change to the sample.
  const decoded = decodePcapng(new Uint8Array(readFileSync(file)));
  if (!decoded.ok) throw new Error("the capture cannot be read");
  const name = to.split(".").map(Number);
  return decoded.value.packets.flatMap(({ bytes }): Sample[] => {
    const protocol = bytes[9];
    if (bytes[0]! >> 4 !== 4 || (protocol !== UDP && protocol !== ESP)) return [];
    if (!name.every((octet, i) => bytes[16 + i] === octet)) return [];
    return [{ protocol, payload: bytes.slice((bytes[0]! & 15) * 4) }];
  });
}

function sample(): Sample {
  const kind = below(10);
  if (kind === 0) return noise();
  const { protocol, payload } = samples[below(samples.length)]!;
  if (kind === 1) return { protocol, payload }; // a repetition
  return { protocol, payload: withLengths(protocol, mutate(payload, protocol === UDP ? 8 : 0)) };
}

function noise(): Sample {
  const bytes = random.bytes(below(1400) + 1);
  if (below(2) === 0) return { protocol: ESP, payload: bytes };
  const datagram = new Uint8Array(8 + bytes.length);
  datagram.set(bytes, 8);
  const port = IKE_PORTS[below(2)]!;
  new DataView(datagram.buffer).setUint16(0, port);
  new DataView(datagram.buffer).setUint16(2, port);
  return { protocol: UDP, payload: withLengths(UDP, datagram) };
}

/** Up to four changes of what is behind the UDP header. */
function mutate(original: Uint8Array, start: number): Uint8Array {
  let bytes = original.slice();
  for (let n = below(4) + 1; n > 0; n--) {
    const body = bytes.length - start;
    if (body < 1) break;
    const at = start + below(body);
    switch (below(5)) {
      case 0:
        bytes[at]! ^= 1 << below(8);
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2:
        bytes = bytes.slice(0, at + 1);
        break;
      case 3: {
        const longer = new Uint8Array(bytes.length + below(200));
        longer.set(bytes);
        longer.set(random.bytes(longer.length - bytes.length), bytes.length);
        bytes = longer;
        break;
      }
      default:
        // A length, a type or an SPI in one of the first words, at its extremes.
        if (body >= 4)
          new DataView(bytes.buffer).setUint32(
            start + below(Math.min(body - 3, 64)),
            [0, 1, 0xffff_ffff, 0x7fff_ffff][below(4)]!,
          );
    }
  }
  return bytes.slice(0, 1480);
}

/** A datagram whose UDP length is wrong never leaves the kernel's hands: keep that right, and no checksum (RFC 768). */
function withLengths(protocol: number, bytes: Uint8Array): Uint8Array {
  if (protocol !== UDP) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint16(4, bytes.length);
  view.setUint16(6, 0);
  return bytes;
}

function listen(): void {
  for (let frame = link.receive(); frame !== undefined; frame = link.receive()) {
    const { bytes } = frame;
    if (frame.direction !== "in" || frame.etherType !== 0x0800 || bytes[9] === ESP) continue;
    const header = (bytes[0]! & 15) * 4;
    if (bytes.slice(12, 16).join(".") !== to) continue;
    const what = bytes[9] === UDP ? describeIke(bytes.subarray(header)) : `protocol ${bytes[9]}`;
    if (what !== undefined) answers.set(what, (answers.get(what) ?? 0) + 1);
  }
}

/** For example "exchange 34, response, payload 41, notify 5"; undefined for ESP in UDP and keepalives. */
function describeIke(datagram: Uint8Array): string | undefined {
  const port = (datagram[0]! << 8) | datagram[1]!;
  let ike = datagram.subarray(8);
  if (port === 4500) {
    if (ike.length < 4 || ike[0]! + ike[1]! + ike[2]! + ike[3]! !== 0) return undefined;
    ike = ike.subarray(4);
  }
  if (ike.length < 28) return "shorter than a header";
  const notify = ike[16] === 41 ? `, notify ${(ike[28 + 6]! << 8) | ike[28 + 7]!}` : "";
  return `exchange ${ike[18]}, ${(ike[19]! & 0x20) !== 0 ? "response" : "request"}, payload ${ike[16]}${notify}`;
}
