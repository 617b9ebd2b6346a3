import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { PartnerLink, type PartnerLinkOptions } from "../../src/replication/partner-link.ts";
import { ReplicaStore } from "../../src/replication/replica-store.ts";

const links: PartnerLink[] = [];
afterEach(() => {
  for (const link of links.splice(0)) link.stop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

interface End {
  readonly link: PartnerLink;
  readonly store: ReplicaStore;
  readonly states: string[];
  readonly superseded: string[];
  /** Resolves when a state with this text has been told. */
  until(text: string): Promise<void>;
}

function end(
  name: string,
  partner: string,
  over: Partial<PartnerLinkOptions> & { port: number; key: Uint8Array },
): End {
  const store = new ReplicaStore(() => 0);
  const states: string[] = [];
  const superseded: string[] = [];
  let wake: () => void = () => {};
  const link = new PartnerLink({
    name,
    partner,
    localAddress: "127.0.0.1",
    address: "127.0.0.1",
    snapshots: () => [],
    onUpdate: (update) => store.apply(update),
    ownEpoch: () => undefined,
    onSuperseded: (seat, epoch) => {
      superseded.push(`${seat} ${epoch}`);
      wake();
    },
    onState: (up, reason) => {
      states.push(`${up ? "up" : "down"}: ${reason}`);
      wake();
    },
    ...over,
  });
  links.push(link);
  link.start();
  return {
    link,
    store,
    states,
    superseded,
    async until(text) {
      while (![...states, ...superseded].some((state) => state.includes(text))) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

describe("the link between the instances of a pair", () => {
  it("copies synchronously: when the promise resolves, the partner has it", async () => {
    const shared = { port: await freePort(), key: randomBytes(32) };
    const b = end("gw/IN_1", "gw/IN_0", shared);
    const a = end("gw/IN_0", "gw/IN_1", {
      ...shared,
      snapshots: () => [
        { kind: "snapshot", seat: "gw/0", epoch: 1, ikeSas: [], reserved: [["old", 5]], bgp: undefined },
      ],
    });
    await Promise.all([a.until("up:"), b.until("up:")]);
    await a.link.replicate({ kind: "sequence", seat: "gw/0", epoch: 1, childSa: "c", reservedUpTo: 77 });
    expect(b.store.get("gw/0")?.reserved).toEqual(
      new Map([
        ["old", 5],
        ["c", 77],
      ]),
    );
    await a.link.replicate({ kind: "gone", seat: "gw/0", epoch: 1 });
    expect(b.store.get("gw/0")).toBeUndefined();
  });

  it("does not hold anything up while there is no partner", async () => {
    const a = end("gw/IN_0", "gw/IN_1", { port: await freePort(), key: randomBytes(32) });
    await a.link.replicate({ kind: "sequence", seat: "gw/0", epoch: 1, childSa: "c", reservedUpTo: 1 });
    expect(a.link.up).toBe(false);
  });

  it("refuses a partner with another key, and says so on both ends", async () => {
    const port = await freePort();
    const b = end("gw/IN_1", "gw/IN_0", { port, key: randomBytes(32) });
    const a = end("gw/IN_0", "gw/IN_1", { port, key: randomBytes(32) });
    await Promise.race([a.until("another key"), b.until("another key")]);
    expect([...a.states, ...b.states].some((state) => state.startsWith("up"))).toBe(false);
  });

  it("tells an owner of an older epoch that it has been superseded", async () => {
    const shared = { port: await freePort(), key: randomBytes(32) };
    const b = end("gw/IN_1", "gw/IN_0", { ...shared, ownEpoch: () => 9 });
    const a = end("gw/IN_0", "gw/IN_1", shared);
    await Promise.all([a.until("up:"), b.until("up:")]);
    a.link.tell({ kind: "sequence", seat: "gw/0", epoch: 8, childSa: "c", reservedUpTo: 1 });
    await a.until("gw/0 9");
    expect(b.store.get("gw/0")).toBeUndefined();
  });
});
