/** One measurement of one subject: the table in and out, then half of it withdrawn. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { LoadPeer, type Table } from "./bgp-load.ts";
import {
  type BenchAddresses,
  processFigures,
  type Stalls,
  type Subject,
  withSubject,
} from "./bgp-subjects.ts";

export interface BgpFigures {
  /** Milliseconds from the first byte in to the last prefix out. */
  readonly announce: number;
  readonly withdraw: number;
  /** CPU milliseconds of the announcements. */
  readonly cpu: number;
  readonly megabytes: number;
  /** Of the event loop from the first announcement to the last withdrawal, where it can be measured. */
  readonly stalls: Stalls | undefined;
}

/** The method's pause between "established" and the first byte. */
const SETTLE = 1000;
const START_LIMIT = 15_000;
const LIMIT = 120_000;

export function measure(subject: Subject, addresses: BenchAddresses, table: Table): Promise<BgpFigures> {
  return withSubject(subject, addresses, async (child) => {
    const [from, to] = addresses.peers;
    const receiver = await established(addresses, to!, child);
    const sender = await established(addresses, from!, child);
    try {
      await sleep(SETTLE);
      await subject.stalls?.(child);
      const before = processFigures(child.pid!);
      const announce = await timed(sender, table.announcements, () =>
        receiver.until(() => receiver.announced >= table.prefixes, LIMIT),
      );
      const after = processFigures(child.pid!);
      const announcing = await subject.stalls?.(child);
      const withdraw = await timed(sender, table.withdrawals, () =>
        receiver.until(() => receiver.withdrawn >= table.withdrawn, LIMIT),
      );
      const withdrawing = await subject.stalls?.(child);
      return {
        announce,
        withdraw,
        cpu: after.cpuMilliseconds - before.cpuMilliseconds,
        megabytes: after.peakMegabytes,
        stalls: announcing && withdrawing && longest(announcing, withdrawing),
      };
    } finally {
      sender.close();
      receiver.close();
    }
  });
}

const longest = (a: Stalls, b: Stalls): Stalls => ({
  loop: Math.max(a.loop, b.loop),
  turn: Math.max(a.turn, b.turn),
});

async function timed(sender: LoadPeer, bytes: Buffer, done: () => Promise<void>): Promise<number> {
  const start = performance.now();
  sender.send(bytes);
  await done();
  return performance.now() - start;
}

/** Dials until the speaker under test listens. */
async function established(
  addresses: BenchAddresses,
  peer: { readonly address: string; readonly asn: number },
  child: ChildProcess,
): Promise<LoadPeer> {
  const deadline = performance.now() + START_LIMIT;
  for (;;) {
    try {
      return await LoadPeer.establish({
        host: addresses.speaker,
        port: addresses.port,
        localAddress: peer.address,
        asn: peer.asn,
      });
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`ended with status ${child.exitCode}`);
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
