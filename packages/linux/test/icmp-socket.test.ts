import { afterEach, expect, test } from "vitest";
import { createArena, type OwnedArena } from "../src/arena.ts";
import type { DatagramSocket } from "../src/datagram-socket.ts";
import { Errno } from "../src/errno.ts";
import { openIcmpSocket } from "../src/icmp-socket.ts";
import { PollSet } from "../src/poll.ts";
import { openRawSocket } from "../src/raw-socket.ts";
import { inThrowawayNetwork } from "./throwaway-network.ts";

const FAMILIES = [
  { address: "127.0.0.1", protocol: 1, type: 3, others: [0, 8, 11] },
  { address: "::1", protocol: 58, type: 2, others: [1, 3, 128] },
] as const;

/** The Internet checksum of an even number of bytes. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

inThrowawayNetwork(import.meta.filename, () => {
  const open: DatagramSocket[] = [];
  afterEach(() => {
    for (const socket of open.splice(0)) socket.close();
  });

  function message(arena: OwnedArena, at: number, type: number): number {
    const bytes = arena.bytes.subarray(at, at + 16).fill(0);
    bytes[0] = type;
    bytes[1] = 4;
    bytes[15] = type;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint16(2, checksum(bytes));
    return 16;
  }

  test.each(FAMILIES)("$address: what routers complain with is heard, other ICMP is not", (family) => {
    const arena = createArena(1 << 20);
    const { address, protocol, type, others } = family;
    const icmp = openIcmpSocket(arena, { address });
    const sender = openRawSocket(arena, { address, protocol });
    open.push(icmp, sender);
    const path = sender.createPath(address, address, 0);
    for (const other of [...others, type]) {
      const length = message(arena, 8192, other);
      expect(sender.send(path, 8192, length, 0, 0)).toBe(length);
    }
    const poll = new PollSet(arena);
    poll.add(icmp.fd);
    expect(poll.wait(5000)).toBe(1);
    expect(icmp.receive(65536, 4096)).toBe(16);
    const { payloadOffset } = icmp.received;
    expect([arena.bytes[payloadOffset], arena.bytes[payloadOffset + 15]]).toEqual([type, type]);
    expect(icmp.receive(65536, 4096)).toBe(-Errno.EAGAIN);
  });
});
