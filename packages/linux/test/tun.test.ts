import { encodeIpv4Packet, encodeUdpDatagram, IpProtocol, parseAddress } from "@tandem/wire";
import { expect, test } from "vitest";
import { createArena } from "../src/arena.ts";
import { PollSet } from "../src/poll.ts";
import { RouteNetlink } from "../src/rtnetlink.ts";
import { createMemoryArena, MemoryTun } from "../src/testing/index.ts";
import { openTun } from "../src/tun.ts";
import { openUdpSocket } from "../src/udp-socket.ts";
import { VirtioGso, VirtioNetHeader } from "../src/virtio-net-header.ts";
import { inThrowawayNetwork } from "./throwaway-network.ts";
import { BEHIND, HOST, PORT, tunSuite } from "./tun-suite.ts";

tunSuite("twin", () => {
  const arena = createMemoryArena();
  const tun = new MemoryTun(arena);
  const addresses = { source: parseAddress(HOST)!, destination: parseAddress(BEHIND)! };
  return {
    arena,
    tun,
    hostSends: (payload) => {
      const udp = encodeUdpDatagram({ sourcePort: PORT, destinationPort: PORT, payload }, addresses);
      tun.fromHost(encodeIpv4Packet({ ...addresses, protocol: IpProtocol.udp }, udp));
    },
    hostReceives: () => tun.toHost.shift()!.slice(tun.headerLength + 28),
    waitForPacket: () => {},
  };
});

inThrowawayNetwork(import.meta.filename, () => {
  const arena = createArena(1 << 20);
  const tun = openTun(arena, { name: "tun%d" });
  const netlink = new RouteNetlink();
  const index = netlink.linkIndex(tun.name);
  netlink.setLink(tun.name, { up: true, mtu: 1400 });
  netlink.addAddress({ index, address: HOST, prefixLength: 24 });
  const socket = openUdpSocket(arena, { address: HOST, port: PORT });
  const path = socket.createPath(HOST, BEHIND, PORT);
  const poll = new PollSet(arena);
  const buffer = arena.allocate(65536);
  const wait = (fd: number): void => {
    const slot = poll.add(fd);
    expect(poll.wait(5000)).toBe(1);
    poll.remove(slot);
  };
  // The kernel announces itself on a fresh link (IPv6 router solicitation, multicast reports): not what is tested.
  const waitForPacket = (): void => {
    wait(tun.fd);
  };
  netlink.setLink(tun.name, { up: true });

  tunSuite("kernel", () => {
    drain();
    return {
      arena,
      tun,
      hostSends: (payload) => {
        drain();
        arena.bytes.set(payload, buffer);
        expect(socket.send(path, buffer, payload.length, 0, 0)).toBe(payload.length);
      },
      hostReceives: () => {
        wait(socket.fd);
        const n = socket.receive(buffer, 65536);
        return arena.bytes.slice(buffer, buffer + n);
      },
      waitForPacket,
    };
  });

  function drain(): void {
    while (tun.read(buffer, 65545) > 0);
  }

  test("hands over a UDP super-packet unsegmented when the kernel knows USO", () => {
    expect(tun.offloads).toMatchObject({ checksum: true, tcp: true });
    drain();
    expect(socket.send(path, buffer, 5000, 1000, 0)).toBe(5000);
    wait(tun.fd);
    const n = tun.read(buffer, 65545);
    if (tun.offloads.udp) {
      expect(n).toBe(10 + 28 + 5000);
      expect(arena.bytes[buffer + VirtioNetHeader.gsoType]).toBe(VirtioGso.udpL4);
      expect(arena.view.getUint16(buffer + VirtioNetHeader.gsoSize, true)).toBe(1000);
    } else {
      expect(n).toBe(10 + 28 + 1000);
    }
  });

  test("names who is in the way of a second opener, and a name that is too long", () => {
    expect(() => openTun(arena, { name: tun.name })).toThrow(
      /TUNSETIFF failed with EBUSY; another process holds/,
    );
    expect(() => openTun(arena, { name: "lo" })).toThrow(/EINVAL; an interface of this name exists/);
    expect(() => openTun(arena, { name: "a-name-that-is-too-long" })).toThrow(RangeError);
  });

  test("queues share one device", () => {
    const first = openTun(arena, { name: "multi%d", multiQueue: true });
    const second = openTun(arena, { name: first.name, multiQueue: true });
    expect(second.name).toBe(first.name);
    first.close();
    second.close();
  });
});
