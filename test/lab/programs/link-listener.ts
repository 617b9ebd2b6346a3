/**
 * Listens on an interface until its standard input ends, then prints what passed as JSON: how many frames, how many
 * with ESP, and those that carry an inside address (10.0.0.0/8, or IPv6 that is not the lab's underlay) in the open.
 *
 *      node link-listener.ts INTERFACE
 */
import { createArena, openPacketSocket } from "../../../packages/linux/src/index.ts";

const arena = createArena(1 << 20);
const socket = openPacketSocket(arena, process.argv[2] ?? "out");
const seen = { frames: 0, esp: 0, clear: [] as string[] };
const REMEMBERED = 20;
const UDP = 17;
const ESP = 50;
const NAT_TRAVERSAL_PORT = 4500;

function look(): void {
  for (let frame = socket.receive(); frame !== undefined; frame = socket.receive()) {
    seen.frames++;
    const { bytes } = frame;
    if (frame.etherType === 0x0800) lookAtIpv4(frame.direction, bytes);
    else if (frame.etherType === 0x86dd && !isUnderlay6(bytes, 8) && !isUnderlay6(bytes, 24))
      remember(`${frame.direction} ${Buffer.from(bytes.subarray(0, 40)).toString("hex")}`);
  }
}

function lookAtIpv4(direction: string, bytes: Uint8Array): void {
  const header = (bytes[0]! & 15) * 4;
  const port = (bytes[header]! << 8) | bytes[header + 1]!;
  if (bytes[9] === ESP || (bytes[9] === UDP && port === NAT_TRAVERSAL_PORT)) seen.esp++;
  if (bytes[12] !== 10 && bytes[16] !== 10) return;
  remember(
    `${direction} ${bytes.slice(12, 16).join(".")} to ${bytes.slice(16, 20).join(".")}, protocol ${bytes[9]}`,
  );
}

/** fd64::/16 is what the lab's links are numbered from; the rest is link-local and multicast. */
function isUnderlay6(bytes: Uint8Array, offset: number): boolean {
  const first = (bytes[offset]! << 8) | bytes[offset + 1]!;
  return first === 0xfd64 || (first & 0xffc0) === 0xfe80 || (first & 0xff00) === 0xff00 || first === 0;
}

function remember(text: string): void {
  if (seen.clear.length < REMEMBERED) seen.clear.push(text);
}

const timer = setInterval(look, 1);
process.stdin.resume().on("end", () => {
  look();
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify(seen)}\n`);
  process.exit(0);
});
process.stdout.write("listening\n");
