import {
  decodeUdpDatagram,
  encodeIpv4Packet,
  encodeUdpDatagram,
  IpProtocol,
  parseAddress,
} from "@tandem/wire";
import { expect, test } from "vitest";
import type { OwnedArena } from "../src/arena.ts";
import { Errno } from "../src/errno.ts";
import { writeIovec } from "../src/message.ts";
import type { TunDevice } from "../src/tun.ts";

export const HOST = "10.77.0.1";
export const BEHIND = "10.77.0.2";
export const PORT = 7777;

/** The host's side of the device: a UDP socket on HOST:PORT. */
export interface TunHarness {
  readonly arena: OwnedArena;
  readonly tun: TunDevice;
  hostSends(payload: Uint8Array): void;
  /** The payload that reached the host's socket, waiting for it. */
  hostReceives(): Uint8Array;
  waitForPacket(): void;
}

const AT = 256 << 10;

/** What every TunDevice does, real or twin. */
export function tunSuite(name: string, create: () => TunHarness): void {
  const { arena, tun, hostSends, hostReceives, waitForPacket } = create();
  const [source, destination] = [parseAddress(BEHIND)!, parseAddress(HOST)!];

  function place(payload: Uint8Array): number {
    const udp = encodeUdpDatagram(
      { sourcePort: PORT, destinationPort: PORT, payload },
      { source, destination },
    );
    const packet = encodeIpv4Packet({ source, destination, protocol: IpProtocol.udp }, udp);
    arena.bytes.fill(0, AT, AT + tun.headerLength);
    arena.bytes.set(packet, AT + tun.headerLength);
    return tun.headerLength + packet.length;
  }

  test(`${name}: reads what the host sends, with a virtio header before it`, () => {
    const payload = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);
    hostSends(payload);
    waitForPacket();
    const n = tun.read(AT, 65545);
    expect(n).toBe(tun.headerLength + 20 + 8 + 300);
    const datagram = decodeUdpDatagram(arena.bytes.slice(AT + tun.headerLength + 20, AT + n));
    expect(datagram).toMatchObject({ ok: true, value: { destinationPort: PORT, payload } });
    expect(tun.read(AT, 65545)).toBe(-Errno.EAGAIN);
  });

  test(`${name}: what is written reaches the host, from one place or from several`, () => {
    const length = place(Uint8Array.of(1, 2, 3));
    expect(tun.write(AT, length)).toBe(length);
    expect(hostReceives()).toEqual(Uint8Array.of(1, 2, 3));
    const iovec = arena.allocate(32);
    writeIovec(arena, iovec, AT, 30);
    writeIovec(arena, iovec + 16, AT + 30, length - 30);
    expect(tun.writeVector(iovec, 2)).toBe(length);
    expect(hostReceives()).toEqual(Uint8Array.of(1, 2, 3));
  });

  test(`${name}: refuses what is no IP packet`, () => {
    arena.bytes.fill(0, AT, AT + 60);
    expect(tun.write(AT, 60)).toBe(-Errno.EINVAL);
    expect(tun.write(AT, 4)).toBe(-Errno.EINVAL);
  });
}
