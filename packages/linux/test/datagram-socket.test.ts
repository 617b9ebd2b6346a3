import { expect, test } from "vitest";
import { createArena } from "../src/arena.ts";
import { Errno } from "../src/errno.ts";
import { openPacketSocket } from "../src/packet-socket.ts";
import { PollSet } from "../src/poll.ts";
import { openRawSocket } from "../src/raw-socket.ts";
import { ReceiveBatch } from "../src/receive-batch.ts";
import { RouteNetlink } from "../src/rtnetlink.ts";
import { SendBatch } from "../src/send-batch.ts";
import { createMemoryArena, MemoryNetwork } from "../src/testing/index.ts";
import { openUdpSocket } from "../src/udp-socket.ts";
import { type DatagramHarness, datagramSocketSuite } from "./datagram-socket-suite.ts";
import { inThrowawayNetwork } from "./throwaway-network.ts";

const families = [
  ["4", ["127.0.0.1", "127.0.0.2"]],
  ["6", ["::1", "fd00:7e57::2"]],
] as const;

for (const [family, addresses] of families) {
  for (const kind of ["udp", "raw"] as const) {
    datagramSocketSuite(`twin ${kind} IPv${family}`, (): DatagramHarness => {
      const arena = createMemoryArena();
      const network = new MemoryNetwork();
      return {
        arena,
        kind,
        addresses,
        open: (address) =>
          kind === "udp"
            ? network.openUdpSocket(arena, { address, port: 0 })
            : network.openRawSocket(arena, { address }),
        wait: () => {},
      };
    });
  }
}

inThrowawayNetwork(import.meta.filename, () => {
  const netlink = new RouteNetlink();
  const loopback = netlink.linkIndex("lo");
  netlink.addAddress({ index: loopback, address: "fd00:7e57::2", prefixLength: 128 });

  for (const [family, addresses] of families) {
    for (const kind of ["udp", "raw"] as const) {
      datagramSocketSuite(`kernel ${kind} IPv${family}`, (): DatagramHarness => {
        const arena = createArena(1 << 20);
        const poll = new PollSet(arena);
        return {
          arena,
          kind,
          addresses,
          open: (address) =>
            kind === "udp" ? openUdpSocket(arena, { address, port: 0 }) : openRawSocket(arena, { address }),
          wait: (socket) => {
            const slot = poll.add(socket.fd);
            expect(poll.wait(5000)).toBe(1);
            poll.remove(slot);
          },
        };
      });
    }

    test(`kernel raw IPv${family}: a batch keeps order, lengths and TOS, and a packet socket sees each packet leave`, () => {
      const arena = createArena(1 << 20);
      const [, there] = addresses;
      const socket = openRawSocket(arena, { address: there });
      const link = openPacketSocket(arena, "lo");
      const path = socket.createPath(there, there, 0);
      const batch = new SendBatch(arena, 4);
      const receive = new ReceiveBatch(arena, socket.family, 8);
      const at = arena.allocate(4096);
      for (let i = 0; i < 4; i++) {
        arena.bytes[at + i * 1000] = 0x40 + i;
        expect(batch.add(path, at + i * 1000, 100 + i, 0, i)).toBe(true);
      }
      expect(batch.add(path, at, 1, 0, 0)).toBe(false);
      expect(batch.flush(socket.fd)).toBe(4);
      expect(receive.receive(socket)).toBe(4);
      for (let i = 0; i < 4; i++) {
        expect(receive.decode(socket, i)).toBe(100 + i);
        expect(receive.received(i).tos).toBe(i);
        expect(arena.bytes[receive.received(i).payloadOffset]).toBe(0x40 + i);
      }
      expect(receive.receive(socket)).toBe(-Errno.EAGAIN);
      const leaving = [];
      for (let frame = link.receive(); frame !== undefined; frame = link.receive()) {
        if (frame.direction === "out") leaving.push(frame.etherType);
      }
      expect(leaving).toEqual(new Array(4).fill(family === "4" ? 0x0800 : 0x86dd));
      socket.close();
      link.close();
    });

    test(`kernel udp IPv${family}: an ICMP error is read from the queue`, () => {
      const arena = createArena(1 << 20);
      const [here] = addresses;
      const socket = openUdpSocket(arena, { address: here, port: 0, receiveErrors: true });
      const path = socket.createPath(here, here, 9);
      socket.send(path, 0, 10, 0, 0);
      const poll = new PollSet(arena);
      poll.add(socket.fd);
      expect(poll.wait(5000)).toBe(1);
      expect(socket.readError()).toMatchObject({
        errno: Errno.ECONNREFUSED,
        origin: family === "4" ? "icmp" : "icmp6",
        remote: here,
        remotePort: 9,
        offender: here,
      });
      expect(socket.readError()).toBeUndefined();
      socket.close();
    });
  }

  test("errors name the call, the cause and the cure", () => {
    const arena = createArena(1 << 20);
    const first = openUdpSocket(arena, { address: "127.0.0.1", port: 4500 });
    expect(() => openUdpSocket(arena, { address: "127.0.0.1", port: 4500 })).toThrow(
      /127\.0\.0\.1 port 4500: bind failed with EADDRINUSE; another socket holds/,
    );
    first.close();
    expect(() => openUdpSocket(arena, { address: "192.0.2.1", port: 500 })).toThrow(
      /EADDRNOTAVAIL; no interface here/,
    );
    openUdpSocket(arena, { address: "192.0.2.1", port: 500, freebind: true }).close();
    expect(() => openUdpSocket(arena, { address: "127.0.0.1", port: 0, device: "nowhere0" })).toThrow(
      /no such interface in this network namespace/,
    );
  });
});
