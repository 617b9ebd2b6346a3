import { formatAddress } from "@tandem/wire";
import { expect, test } from "vitest";
import type { OwnedArena } from "../src/arena.ts";
import type { DatagramSocket } from "../src/datagram-socket.ts";
import { Errno } from "../src/errno.ts";

export interface DatagramHarness {
  readonly arena: OwnedArena;
  readonly kind: "udp" | "raw";
  /** Two different local addresses of one family. */
  readonly addresses: readonly [string, string];
  open(address: string): DatagramSocket;
  /** Blocks until a datagram waits; the twin has nothing to wait for. */
  wait(socket: DatagramSocket): void;
}

const SEND_AT = 256 << 10;
const RECEIVE_AT = 384 << 10;
const ROOM = 65536;

/** What every DatagramSocket does, real or twin. */
export function datagramSocketSuite(name: string, create: () => DatagramHarness): void {
  const harness = create();
  const { arena, addresses, kind } = harness;
  const [here, there] = addresses;
  const addressLength = here.includes(":") ? 16 : 4;
  const any = here.includes(":") ? "::" : "0.0.0.0";
  const fill = (length: number): void => {
    for (let i = 0; i < length; i++) arena.bytes[SEND_AT + i] = (i * 7) & 0xff;
  };
  const addressAt = (offset: number): string =>
    formatAddress(arena.bytes.slice(offset, offset + addressLength));
  const pair = (use: (a: DatagramSocket, b: DatagramSocket) => void): void => {
    const a = harness.open(here);
    const b = harness.open(there);
    try {
      use(a, b);
    } finally {
      a.close();
      b.close();
    }
  };

  test(`${name}: a datagram arrives whole, with its addresses, port and TOS`, () => {
    pair((a, b) => {
      fill(900);
      const path = a.createPath(here, there, b.localPort);
      expect(a.send(path, SEND_AT, 900, 0, 0x2e)).toBe(900);
      harness.wait(b);
      expect(b.receive(RECEIVE_AT, ROOM)).toBe(900);
      const { received } = b;
      expect(received).toMatchObject({
        segmentSize: 900,
        remotePort: a.localPort,
        tos: 0x2e,
        truncated: false,
      });
      expect(addressAt(received.remoteAddressOffset)).toBe(here);
      expect(addressAt(received.localAddressOffset)).toBe(there);
      const at = received.payloadOffset;
      expect(arena.bytes.slice(at, at + 900)).toEqual(arena.bytes.slice(SEND_AT, SEND_AT + 900));
      path.release();
    });
  });

  test(`${name}: the source address is chosen per path`, () => {
    const a = harness.open(any);
    const b = harness.open(here);
    const path = a.createPath(there, here, b.localPort);
    expect(a.send(path, SEND_AT, 64, 0, 0)).toBe(64);
    harness.wait(b);
    expect(b.receive(RECEIVE_AT, ROOM)).toBe(64);
    expect(addressAt(b.received.remoteAddressOffset)).toBe(there);
    a.close();
    b.close();
  });

  test(`${name}: an empty queue is EAGAIN, a datagram longer than the room is marked truncated`, () => {
    pair((a, b) => {
      expect(b.receive(RECEIVE_AT, ROOM)).toBe(-Errno.EAGAIN);
      const path = a.createPath(here, there, b.localPort);
      a.send(path, SEND_AT, 500, 0, 0);
      harness.wait(b);
      b.receive(RECEIVE_AT, 100);
      expect(b.received.truncated).toBe(true);
      expect(b.receive(RECEIVE_AT, ROOM)).toBe(-Errno.EAGAIN);
    });
  });

  test(`${name}: a path of the other family is refused`, () => {
    pair((a) => {
      const other = here.includes(":") ? "127.0.0.1" : "::1";
      expect(() => a.createPath(here, other, 1)).toThrow(RangeError);
    });
  });

  if (kind === "raw") return;

  test(`${name}: segments leave as one call and come back joined or one by one, in order`, () => {
    pair((a, b) => {
      fill(10 * 1400 + 300);
      const path = a.createPath(here, there, b.localPort);
      expect(a.send(path, SEND_AT, 14300, 1400, 0)).toBe(14300);
      let total = 0;
      while (total < 14300) {
        harness.wait(b);
        const n = b.receive(RECEIVE_AT, ROOM);
        expect(n).toBeGreaterThan(0);
        expect([1400, 300]).toContain(b.received.segmentSize);
        const from = SEND_AT + total;
        expect(arena.bytes.slice(RECEIVE_AT, RECEIVE_AT + n)).toEqual(arena.bytes.slice(from, from + n));
        total += n;
      }
      expect(total).toBe(14300);
      expect(b.receive(RECEIVE_AT, ROOM)).toBe(-Errno.EAGAIN);
    });
  });

  test(`${name}: more than IP can carry is EMSGSIZE`, () => {
    pair((a, b) => {
      const path = a.createPath(here, there, b.localPort);
      expect(a.send(path, SEND_AT, 65530, 0, 0)).toBe(-Errno.EMSGSIZE);
    });
  });
}
