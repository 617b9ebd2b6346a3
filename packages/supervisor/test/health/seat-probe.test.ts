/** The probe of a seat's public IP, of either family, against something that answers as IKE does. */
import { createSocket } from "node:dgram";
import { afterEach, expect, test } from "vitest";
import { SeatProbe } from "../../src/health/seat-probe.ts";

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

test.each([
  ["IPv4", "udp4", "127.0.0.1", "127.0.0.1"],
  ["IPv6, however it is written", "udp6", "::1", "0:0:0:0:0:0:0:1"],
] as const)(
  "%s: nothing is concluded before the first answer, then misses count",
  async (_name, type, bound, written) => {
    let answering = false;
    const seat = createSocket(type);
    seat.on("message", (message, from) => {
      if (answering) seat.send(message, from.port, from.address);
    });
    await new Promise<void>((resolve) => seat.bind(0, bound, resolve));
    cleanup.push(() => seat.close());
    const errors: Error[] = [];
    const probe = new SeatProbe(
      [{ seat: "gw/0", address: written }],
      10,
      (e) => errors.push(e),
      seat.address().port,
    );
    cleanup.push(() => probe.close());
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(probe.misses("gw/0")).toBeUndefined();
    answering = true;
    await until(() => probe.misses("gw/0") === 0);
    answering = false;
    await until(() => (probe.misses("gw/0") ?? 0) >= 3);
    probe.reset("gw/0");
    expect(probe.misses("gw/0")).toBeUndefined();
    expect(errors).toEqual([]);
  },
);
