/**
 * What is tried beyond "it establishes": one entry per behaviour, with the configuration it needs on either side and what
 * must be seen at both ends. The table of cases (matrix.ts) crosses these with suites, roles and authentication.
 */
import { expect } from "vitest";
import type { IkeConnection } from "../../src/index.ts";
import {
  eventually,
  type Meeting,
  type MeetingPlan,
  OUR_NET,
  selectors,
  THEIR_NET,
  TUNNEL,
} from "./meeting.ts";
import { espProposal, ikeProposal } from "./suites.ts";
import { OUR_HOST_6, THEIR_HOST_6 } from "./two-networks.ts";
import type { ViciSection } from "./vici.ts";

export type Demand = Partial<Omit<MeetingPlan, "initiator" | "auth">>;

export interface Feature {
  readonly name: string;
  /** One line for docs/ikev2-interop.md: what is done, and what is checked. */
  readonly what: string;
  /** For which initiator it means anything; both by default. */
  readonly initiators?: readonly MeetingPlan["initiator"][];
  readonly auth?: MeetingPlan["auth"];
  demand?(plan: MeetingPlan): Demand;
  run(meeting: Meeting): Promise<void>;
}

const child = (name: string, local: string, remote: string) => ({
  name,
  local: selectors(local),
  remote: selectors(remote),
});

const charonChild = (esp: string, local: string, remote: string, more: ViciSection = {}): ViciSection => ({
  local_ts: [local],
  remote_ts: [remote],
  esp_proposals: [esp],
  rekey_time: "0",
  life_time: "1h",
  ...more,
});

/** Two networks on each side, one Child SA for each pair. */
const OUR_SECOND = "10.3.0.0/16";
const THEIR_SECOND = "10.4.0.0/16";

const replaceEsp =
  (text: string) =>
  (connection: IkeConnection): IkeConnection => {
    const esp = [espProposal(text)];
    return { ...connection, esp: { offer: esp, accept: esp } };
  };

const change =
  (changed: Partial<IkeConnection>) =>
  (connection: IkeConnection): IkeConnection => ({ ...connection, ...changed });

const alsoTheirs =
  (changed: ViciSection) =>
  (connection: ViciSection): ViciSection => ({ ...connection, ...changed });

/** A Child SA takes another's place: charon shows one, with SPIs of its own, and packets flow through it. */
async function childWasRekeyed(meeting: Meeting, act: () => Promise<unknown>, group = ""): Promise<void> {
  const before = (await meeting.establish()).tandem.children[0]!;
  await meeting.ping();
  const { mark } = meeting.us;
  await act();
  const up = await meeting.us.next("child-sa-up", { since: mark });
  expect(up.replaces).toBe(before.childSa);
  await meeting.us.next("child-sa-outbound-ready", { since: mark });
  const after = await meeting.agree();
  expect(after.tandem.children[0]!.spiIn).not.toBe(before.spiIn);
  expect(after.charon.children[0]!.group).toBe(group);
  await meeting.ping();
  const down = await meeting.us.next("child-sa-down", { since: mark });
  expect([down.childSa, down.cause]).toEqual([before.childSa, "rekeyed"]);
}

async function ikeWasRekeyed(meeting: Meeting, act: () => Promise<unknown>): Promise<void> {
  const before = await meeting.establish();
  const { mark } = meeting.us;
  await act();
  const up = await meeting.us.next("ike-sa-up", { since: mark });
  expect(up.replaces).toBe(before.tandem.ikeSa);
  await meeting.us.next("ike-sa-down", { since: mark, holds: ({ cause }) => cause === "rekeyed" });
  const after = await meeting.agree();
  expect(after.tandem.initiatorSpi).not.toBe(before.tandem.initiatorSpi);
  expect(after.tandem.children[0]!.spiIn, "Child SAs move with their keys").toBe(
    before.tandem.children[0]!.spiIn,
  );
  await meeting.ping();
  // The new keys carry exchanges of either side.
  await meeting.them.vici.request("rekey", { child: "net" });
  await meeting.us.next("child-sa-down", { since: mark, holds: ({ cause }) => cause === "rekeyed" });
  await meeting.agree();
}

const group = (plan: { readonly ike: string }): string => plan.ike.split("-").at(-1)!;

const CHARON_GROUPS: Readonly<Record<string, string>> = {
  modp1024: "MODP_1024",
  modp2048: "MODP_2048",
  modp3072: "MODP_3072",
  modp2048s256: "MODP_2048_256",
  ecp256: "ECP_256",
  ecp384: "ECP_384",
  ecp521: "ECP_521",
  x25519: "CURVE_25519",
};

const withPfs = (plan: MeetingPlan): Demand => ({
  esp: `${plan.esp}-${group(plan)}`,
});

export const FEATURES: readonly Feature[] = [
  {
    name: "establish",
    what: "SA_INIT, AUTH, first Child SA; ping through it",
    async run(meeting) {
      await meeting.establish();
      await meeting.ping(undefined, undefined, 2);
    },
  },
  {
    name: "child-rekey-by-us",
    what: "the engine rekeys the Child SA without PFS",
    run: (meeting) =>
      childWasRekeyed(meeting, async () =>
        meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "child" }),
      ),
  },
  {
    name: "child-rekey-by-them",
    what: "charon rekeys the Child SA without PFS",
    run: (meeting) => childWasRekeyed(meeting, () => meeting.them.vici.request("rekey", { child: "net" })),
  },
  {
    name: "child-rekey-by-us-pfs",
    what: "the engine rekeys the Child SA with a new key exchange",
    demand: withPfs,
    run: (meeting) =>
      childWasRekeyed(
        meeting,
        async () => meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "child" }),
        CHARON_GROUPS[group(meeting.plan)],
      ),
  },
  {
    name: "child-rekey-by-them-pfs",
    what: "charon rekeys the Child SA with a new key exchange",
    demand: withPfs,
    run: (meeting) =>
      childWasRekeyed(
        meeting,
        () => meeting.them.vici.request("rekey", { child: "net" }),
        CHARON_GROUPS[group(meeting.plan)],
      ),
  },
  {
    name: "pfs-group-retry",
    what: "the rekeying side guesses a PFS group that the other refuses: INVALID_KE_PAYLOAD, second try",
    demand: ({ esp, initiator }) => ({
      // The one that rekeys offers two groups, its first not to the other's liking.
      esp: initiator === "tandem" ? `${esp}-ecp256` : `${esp}-ecp384-ecp256`,
      ours: replaceEsp(initiator === "tandem" ? `${esp}-ecp384-ecp256` : `${esp}-ecp256`),
    }),
    run: (meeting) =>
      childWasRekeyed(
        meeting,
        async () => {
          if (meeting.plan.initiator === "tandem")
            meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "child" });
          else await meeting.them.vici.request("rekey", { child: "net" });
        },
        "ECP_256",
      ),
  },
  {
    name: "ike-rekey-by-us",
    what: "the engine rekeys the IKE SA; Child SAs stay, later exchanges use the new keys",
    run: (meeting) =>
      ikeWasRekeyed(meeting, async () => meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "ike" })),
  },
  {
    name: "ike-rekey-by-them",
    what: "charon rekeys the IKE SA",
    run: (meeting) => ikeWasRekeyed(meeting, () => meeting.them.vici.request("rekey", { ike: TUNNEL })),
  },
  {
    name: "rekey-both-at-once",
    what: "both sides rekey the Child SA in the same moment; one SA is left (RFC 7296 §2.8.1)",
    async run(meeting) {
      const before = (await meeting.establish()).tandem.children[0]!;
      await Promise.all([
        meeting.them.vici.request("rekey", { child: "net" }),
        meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "child" }),
      ]);
      await meeting.us.next("child-sa-down", { holds: ({ childSa }) => childSa === before.childSa });
      await meeting.agree();
      await meeting.ping();
    },
  },
  {
    name: "lifetimes-of-ours",
    what: "the engine's own clock: Child SA and IKE SA rekeyed when their lifetimes near their end",
    demand: () => ({ ours: change({ childLifetime: 2_000, ikeLifetime: 5_000 }) }),
    async run(meeting) {
      const before = await meeting.establish();
      await meeting.us.next("child-sa-up", {
        holds: ({ replaces }) => replaces === before.tandem.children[0]!.childSa,
      });
      await meeting.us.next("ike-sa-up", { holds: ({ replaces }) => replaces === before.tandem.ikeSa });
      await meeting.ping();
    },
  },
  {
    name: "additional-child",
    what: "a second Child SA in the same IKE SA, with selectors of its own",
    demand: ({ esp, initiator }) => ({
      ours: change({
        children: [
          child("net", OUR_NET, THEIR_NET),
          ...(initiator === "tandem" ? [child("second", OUR_SECOND, THEIR_SECOND)] : []),
        ],
        responderSelectors: "any",
      }),
      theirChildren: (children) => ({ ...children, second: charonChild(esp, THEIR_SECOND, OUR_SECOND) }),
    }),
    async run(meeting) {
      await meeting.dial();
      await meeting.us.next("child-sa-up");
      if (meeting.plan.initiator === "charon") await meeting.dial("second");
      const { tandem, charon } = await meeting.agree(2);
      expect(tandem.children.map(({ localSelectors }) => localSelectors[0]).sort()).toEqual([
        "10.1.0.0-10.1.255.255",
        "10.3.0.0-10.3.255.255",
      ]);
      expect(charon.children.map(({ localTs }) => localTs[0]).sort()).toEqual([THEIR_NET, THEIR_SECOND]);
      await meeting.ping();
    },
  },
  {
    name: "delete-child-by-them",
    what: "charon deletes the Child SA; the IKE SA stays",
    demand: () => ({ ours: change({ responderSelectors: "any" }) }),
    async run(meeting) {
      const { tandem } = await meeting.establish();
      await meeting.them.vici.request("terminate", { child: "net" });
      const down = await meeting.us.next("child-sa-down");
      expect([down.childSa, down.cause]).toEqual([tandem.children[0]!.childSa, "peer-deleted"]);
    },
  },
  {
    name: "delete-by-us",
    what: "the engine deletes the IKE SA; nothing is left at either end",
    async run(meeting) {
      await meeting.establish();
      meeting.us.input({ kind: "terminate", tunnel: TUNNEL, reason: "the test is over", hold: true });
      expect((await meeting.us.next("ike-sa-down")).cause).toBe("asked");
      await meeting.gone();
    },
  },
  {
    name: "delete-by-them",
    what: "charon deletes the IKE SA; nothing is left at either end",
    demand: () => ({ ours: change({ mode: "ResponderOnly" }) }),
    initiators: ["charon"],
    async run(meeting) {
      await meeting.establish();
      await meeting.them.vici.request("terminate", { ike: TUNNEL });
      expect((await meeting.us.next("ike-sa-down")).cause).toBe("peer-deleted");
      expect((await meeting.us.next("child-sa-down")).cause).toBe("peer-deleted");
      await meeting.gone();
    },
  },
  {
    name: "redial-after-delete",
    what: "charon deletes the IKE SA of a tunnel that the engine keeps up: it dials again",
    initiators: ["tandem"],
    async run(meeting) {
      await meeting.establish();
      const { mark } = meeting.us;
      await meeting.them.vici.request("terminate", { ike: TUNNEL });
      await meeting.us.next("ike-sa-up", { since: mark });
      await meeting.agree();
      await meeting.ping();
    },
  },
  {
    name: "liveness-asked",
    what: "charon asks whether we live, in time and again",
    demand: () => ({ theirs: alsoTheirs({ dpd_delay: "1s" }) }),
    async run(meeting) {
      await meeting.establish();
      const answered = await eventually(async () => {
        const { sent } = await meeting.wire();
        return (sent["INFORMATIONAL response"] ?? 0) >= 2 ? true : undefined;
      });
      expect(answered, meeting.story).toBe(true);
      await meeting.agree();
    },
  },
  {
    name: "liveness-dead-peer",
    what: "charon falls silent: the engine asks, and gives up when the timeout has passed",
    demand: () => ({ ours: change({ dpdTimeout: 2_000, mode: "ResponderOnly" }) }),
    initiators: ["charon"],
    async run(meeting) {
      await meeting.establish();
      const { networks } = meeting.place;
      networks.cut(networks.them, "direct", true);
      try {
        const down = await meeting.us.next("ike-sa-down");
        expect(down.cause).toBe("no-answer");
      } finally {
        networks.cut(networks.them, "direct", false);
      }
    },
  },
  {
    name: "fragments",
    what: "IKE_AUTH with certificates in fragments of both sides (RFC 7383)",
    auth: "rsa",
    demand: () => ({
      limits: { fragmentIpSize: 576 },
      charon: { fragment_size: "576" },
      theirs: alsoTheirs({ fragmentation: "yes" }),
    }),
    async run(meeting) {
      await meeting.establish();
      const { sent, received } = await meeting.wire();
      const [ours, theirs] =
        meeting.plan.initiator === "tandem" ? ["request", "response"] : ["response", "request"];
      expect(sent[`IKE_AUTH ${ours} SKF`]).toBeGreaterThan(1);
      expect(received[`IKE_AUTH ${theirs} SKF`]).toBeGreaterThan(1);
      await meeting.ping();
    },
  },
  {
    name: "behind-nat",
    what: "a NAT hides the initiator: found by its digests, port 4500, ESP in UDP",
    demand: ({ initiator }) => ({ hidden: initiator === "tandem" ? "us" : "them" }),
    async run(meeting) {
      const { tandem } = await meeting.establish();
      expect(tandem.children[0]!.encapsulated).toBe(true);
      if (meeting.plan.initiator === "charon") expect(tandem.remotePort).not.toBe(4500);
      await meeting.ping(undefined, undefined, 2);
    },
  },
  {
    name: "nat-rebinding",
    what: "the NAT in front of charon forgets its mapping: followed on the next authenticated packet",
    initiators: ["charon"],
    demand: () => ({ hidden: "them" }),
    async run(meeting) {
      const before = await meeting.establish();
      const { networks } = meeting.place;
      networks.forgetMappings();
      await meeting.them.vici.request("rekey", { child: "net" });
      const moved = await meeting.us.next("endpoints-changed");
      expect(moved.remotePort).not.toBe(before.tandem.remotePort);
      await meeting.agree();
    },
  },
  {
    name: "cookie",
    what: "the responder is busy and demands a cookie (RFC 7296 §2.6)",
    demand: ({ initiator }) =>
      initiator === "tandem"
        ? { charon: { cookie_threshold: "1", cookie_threshold_ip: "1" }, ours: change({ mode: "Default" }) }
        : { limits: { halfOpenCookieThreshold: 0 } },
    async run(meeting) {
      await meeting.establish();
      if (meeting.plan.initiator === "tandem") {
        // The first round found charon idle: fill its table, then dial once more.
        meeting.us.halfOpen(3);
        meeting.us.input({ kind: "terminate", tunnel: TUNNEL, reason: "again, with a cookie", hold: true });
        await meeting.us.next("ike-sa-down");
        const { mark } = meeting.us;
        meeting.us.input({ kind: "initiate", tunnel: TUNNEL });
        await meeting.us.next("child-sa-outbound-ready", { since: mark });
        expect(meeting.us.transcript).toContain("N(COOKIE)");
        await meeting.ping();
        return;
      }
      const { received } = await meeting.wire();
      expect(received["IKE_SA_INIT request"], "without a cookie, and with it").toBeGreaterThanOrEqual(2);
      await meeting.ping();
    },
  },
  {
    name: "invalid-ke",
    what: "the initiator guesses a group that the responder refuses: INVALID_KE_PAYLOAD, second try",
    demand: ({ ike, initiator }) => {
      const wrong = ike.endsWith("modp3072") ? "modp4096" : "modp3072";
      const two = ike.replace(/-[^-]+$/, `-${wrong}$&`);
      return initiator === "tandem"
        ? { ours: change({ ike: { offer: [ikeProposal(two)], accept: [] } }) }
        : { ike: two, ours: change({ ike: { offer: [], accept: [ikeProposal(ike)] } }) };
    },
    async run(meeting) {
      await meeting.establish();
      const { sent, received } = await meeting.wire();
      const tries = (meeting.plan.initiator === "tandem" ? sent : received)["IKE_SA_INIT request"];
      expect(tries, "the first guess, and the second").toBeGreaterThanOrEqual(2);
      expect(meeting.us.transcript).toContain("INVALID_KE_PAYLOAD");
      await meeting.ping();
    },
  },
  {
    name: "many-proposals",
    what: "several proposals are offered, only the last is acceptable",
    demand: ({ ike, esp, initiator }) => {
      const ikes = ["aes128-sha512-modp4096", "3des-sha384-modp1536", ike];
      const esps = ["aes192-sha384", "aes192-sha512", esp];
      return initiator === "tandem"
        ? {
            ours: (connection) => ({
              ...connection,
              ike: { offer: ikes.map(ikeProposal), accept: [] },
              esp: { offer: esps.map(espProposal), accept: [espProposal(esp)] },
            }),
          }
        : {
            theirs: alsoTheirs({ proposals: ikes }),
            theirChildren: (children) => ({
              net: { ...(children.net as ViciSection), esp_proposals: esps },
            }),
          };
    },
    async run(meeting) {
      await meeting.establish();
      await meeting.ping();
    },
  },
  {
    name: "narrowing",
    what: "the initiator proposes 10.0.0.0/8 to 10.0.0.0/8, the responder narrows both",
    demand: ({ initiator, esp }) =>
      initiator === "tandem"
        ? { ours: change({ children: [child("net", "10.0.0.0/8", "10.0.0.0/8")] }) }
        : { theirChildren: () => ({ net: charonChild(esp, "10.0.0.0/8", "10.0.0.0/8") }) },
    async run(meeting) {
      const { tandem, charon } = await meeting.establish();
      expect(tandem.children[0]!.localSelectors).toEqual(["10.1.0.0-10.1.255.255"]);
      expect(tandem.children[0]!.remoteSelectors).toEqual(["10.2.0.0-10.2.255.255"]);
      expect([charon.children[0]!.localTs, charon.children[0]!.remoteTs]).toEqual([[THEIR_NET], [OUR_NET]]);
      await meeting.ping();
    },
  },
  {
    name: "any-selectors",
    what: "the gateway's rule: as responder it takes whatever selectors the peer proposes",
    initiators: ["charon"],
    demand: () => ({
      ours: change({
        responderSelectors: "any",
        children: [{ name: "any", local: selectors("0.0.0.0/0"), remote: selectors("0.0.0.0/0") }],
      }),
    }),
    async run(meeting) {
      const { tandem } = await meeting.establish();
      expect(tandem.children[0]!.remoteSelectors).toEqual(["10.2.0.0-10.2.255.255"]);
      await meeting.ping();
    },
  },
  {
    name: "several-selectors",
    what: "one Child SA for several networks, IPv4 and IPv6",
    demand: ({ esp }) => ({
      ours: change({
        children: [
          {
            name: "net",
            local: selectors(OUR_NET, OUR_SECOND, "fd00:1::/32"),
            remote: selectors(THEIR_NET, THEIR_SECOND, "fd00:2::/32"),
          },
        ],
      }),
      theirChildren: () => ({
        net: {
          ...charonChild(esp, "", ""),
          local_ts: [THEIR_NET, THEIR_SECOND, "fd00:2::/32"],
          remote_ts: [OUR_NET, OUR_SECOND, "fd00:1::/32"],
        },
      }),
    }),
    async run(meeting) {
      const { tandem } = await meeting.establish();
      expect(tandem.children[0]!.localSelectors).toHaveLength(3);
      await meeting.ping();
      await meeting.ping(OUR_HOST_6, THEIR_HOST_6);
    },
  },
  {
    name: "protocol-selectors",
    what: "selectors with a protocol: ICMP only",
    demand: ({ esp }) => ({
      ours: change({
        children: [
          {
            name: "net",
            local: selectors(OUR_NET).map((one) => ({ ...one, protocol: 1 })),
            remote: selectors(THEIR_NET).map((one) => ({ ...one, protocol: 1 })),
          },
        ],
      }),
      theirChildren: () => ({ net: charonChild(esp, `${THEIR_NET}[icmp]`, `${OUR_NET}[icmp]`) }),
    }),
    async run(meeting) {
      const { charon } = await meeting.establish();
      expect(charon.children[0]!.localTs).toEqual([`${THEIR_NET}[icmp]`]);
      await meeting.ping();
    },
  },
  {
    name: "reauthenticate-by-us",
    what: "the engine reauthenticates make-before-break: a new IKE SA, then the old one is deleted",
    initiators: ["tandem"],
    async run(meeting) {
      const before = await meeting.establish();
      const { mark } = meeting.us;
      meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "reauthenticate" });
      await meeting.us.next("ike-sa-up", { since: mark });
      await meeting.us.next("ike-sa-down", {
        since: mark,
        holds: ({ ikeSa }) => ikeSa === before.tandem.ikeSa,
      });
      const after = await meeting.agree();
      expect(after.tandem.initiatorSpi).not.toBe(before.tandem.initiatorSpi);
      await meeting.ping();
    },
  },
  {
    name: "reauthenticate-by-them",
    what: "charon reauthenticates make-before-break",
    initiators: ["charon"],
    demand: () => ({ charon: { make_before_break: "yes" } }),
    async run(meeting) {
      const before = await meeting.establish();
      const { mark } = meeting.us;
      await meeting.them.vici.request("rekey", { ike: TUNNEL, reauth: "yes" });
      await meeting.us.next("ike-sa-up", { since: mark });
      await meeting.us.next("ike-sa-down", {
        since: mark,
        holds: ({ ikeSa }) => ikeSa === before.tandem.ikeSa,
      });
      const after = await meeting.agree();
      expect(after.tandem.initiatorSpi).not.toBe(before.tandem.initiatorSpi);
      await meeting.ping();
    },
  },
  {
    name: "virtual-address-asked",
    what: "the engine asks for a virtual address, charon gives one from its pool (CP)",
    initiators: ["tandem"],
    demand: ({ esp }) => ({
      pools: { pool: { addrs: "10.9.0.0/24" } },
      ours: change({
        requestAddress: true,
        children: [{ name: "net", local: selectors("0.0.0.0/0"), remote: selectors(THEIR_NET) }],
      }),
      theirs: alsoTheirs({ pools: ["pool"] }),
      theirChildren: () => ({ net: charonChild(esp, THEIR_NET, "dynamic") }),
    }),
    async run(meeting) {
      const { charon, tandem } = await meeting.establish();
      const given = meeting.us.of("ike-sa-up")[0]!.virtualAddresses!.local;
      expect(given).toEqual(charon.remoteVips);
      expect(given[0]).toMatch(/^10\.9\.0\./);
      expect(tandem.children[0]!.localSelectors).toEqual([`${given[0]}-${given[0]}`]);
      await meeting.ping(given[0]);
    },
  },
  {
    name: "virtual-address-given",
    what: "charon asks for a virtual address, the engine gives one from its pool (CP)",
    initiators: ["charon"],
    demand: ({ esp }) => ({
      theirs: alsoTheirs({ vips: ["0.0.0.0"] }),
      theirChildren: () => ({ net: charonChild(esp, "dynamic", OUR_NET) }),
      ours: change({
        addressPool: ["10.8.0.0/24"],
        children: [{ name: "net", local: selectors(OUR_NET), remote: selectors("10.8.0.0/24") }],
        responderSelectors: "any",
      }),
    }),
    async run(meeting) {
      const { charon, tandem } = await meeting.establish();
      const given = meeting.us.of("ike-sa-up")[0]!.virtualAddresses!.remote;
      expect(given).toEqual(charon.localVips);
      expect(tandem.children[0]!.remoteSelectors).toEqual([`${given[0]}-${given[0]}`]);
      await meeting.ping(undefined, given[0]);
    },
  },
  {
    name: "esn-refused",
    what: "extended sequence numbers are offered first, the other side has none",
    demand: ({ esp, initiator }) =>
      initiator === "tandem"
        ? { ours: replaceEsp(`${esp}-esn-noesn`) }
        : { ours: replaceEsp(`${esp}-noesn`) },
    async run(meeting) {
      const { tandem, charon } = await meeting.establish();
      expect([tandem.children[0]!.esn, charon.children[0]!.esn]).toEqual([false, false]);
      await meeting.ping();
    },
  },
  {
    name: "childless",
    what: "an IKE SA without a Child SA (RFC 6023), the Child SA follows",
    demand: ({ initiator }) => ({
      theirs: alsoTheirs({ childless: initiator === "tandem" ? "allow" : "force" }),
      ...(initiator === "tandem" ? { ours: change({ children: [] }) } : {}),
    }),
    async run(meeting) {
      await meeting.dial();
      await meeting.us.next("ike-sa-up");
      if (meeting.plan.initiator === "tandem") {
        await meeting.agree(0);
        await meeting.them.vici.request("initiate", { ike: TUNNEL, child: "net", timeout: "5000" });
      }
      await meeting.agree();
      const { sent, received } = await meeting.wire();
      // A busy machine may see it repeated.
      expect(received["CREATE_CHILD_SA request"], JSON.stringify({ sent, received })).toBeGreaterThan(0);
      await meeting.ping();
    },
  },
  {
    name: "forced-encapsulation",
    what: "no NAT, but the engine asks for ESP in UDP: charon believes in one",
    demand: () => ({ ours: change({ forceEncapsulation: true }) }),
    async run(meeting) {
      const { charon, tandem } = await meeting.establish();
      expect(charon.natRemote).toBe(true);
      expect(tandem.children[0]!.encapsulated).toBe(true);
      await meeting.ping();
    },
  },
  {
    name: "ike-rekey-both-at-once",
    what: "both sides rekey the IKE SA in the same moment; one IKE SA with its Child SA is left (RFC 7296 §2.8.2)",
    async run(meeting) {
      const before = await meeting.establish();
      await Promise.all([
        meeting.them.vici.request("rekey", { ike: TUNNEL }),
        meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "ike" }),
      ]);
      await meeting.us.next("ike-sa-down", { holds: ({ ikeSa }) => ikeSa === before.tandem.ikeSa });
      await meeting.agree();
      await meeting.ping();
    },
  },
  {
    name: "rekey-ike-and-child",
    what: "charon rekeys the Child SA while the engine rekeys the IKE SA (RFC 7296 §2.25)",
    async run(meeting) {
      const before = await meeting.establish();
      const both = [
        // Charon may have moved on to the new IKE SA when it hears of this.
        meeting.them.vici.request("rekey", { child: "net" }).catch(() => {}),
        meeting.us.input({ kind: "rekey", tunnel: TUNNEL, what: "ike" }),
      ];
      await Promise.all(both);
      await meeting.us.next("ike-sa-down", {
        holds: ({ ikeSa }) => ikeSa === before.tandem.ikeSa,
        within: 15_000,
      });
      await meeting.agree();
      await meeting.ping();
    },
  },
  {
    name: "wrong-secret",
    what: "pre-shared keys differ: AUTHENTICATION_FAILED, and the cause in words",
    auth: "psk",
    demand: () => ({ theirSecret: "another secret" }),
    run: (meeting) => failed(meeting, "authentication-failed", /pre-shared key|PSK|secret/i),
  },
  {
    name: "wrong-identity",
    what: "the peer shows another identity than the configured one",
    demand: () => ({ ours: change({ remoteId: "somebody.else.test" }) }),
    run: (meeting) => failed(meeting, "authentication-failed", /somebody\.else\.test/),
  },
  {
    name: "no-proposal-chosen",
    what: "no IKE proposal in common: NO_PROPOSAL_CHOSEN, with what was offered",
    demand: () => {
      const ike = [ikeProposal("aes192-sha384-modp1536")];
      return { ours: change({ ike: { offer: ike, accept: ike } }) };
    },
    run: (meeting) => failed(meeting, "negotiation-failed", /proposal/i),
  },
  {
    name: "no-child-proposal",
    what: "no ESP proposal in common: the IKE SA stands, the Child SA does not",
    demand: () => ({ ours: replaceEsp("aes192-sha384") }),
    run: (meeting) => childRefused(meeting, /NO_PROPOSAL_CHOSEN/),
  },
  {
    name: "selectors-unacceptable",
    what: "selectors with nothing in common: TS_UNACCEPTABLE, and what each side wanted",
    demand: () => ({ ours: change({ children: [child("net", "10.77.0.0/16", "10.78.0.0/16")] }) }),
    run: (meeting) => childRefused(meeting, /TS_UNACCEPTABLE/),
  },
];

/** The IKE SA does not come up, and the engine says why. */
async function failed(meeting: Meeting, cause: string, words: RegExp): Promise<void> {
  if (meeting.plan.initiator === "charon") await expect(meeting.dial()).rejects.toThrow();
  const failure = await meeting.us.next("ike-failed");
  expect(failure.cause, failure.reason).toBe(cause);
  expect(`${failure.reason}\n${meeting.us.transcript}`).toMatch(words);
  expect((await meeting.us.snapshot()).ikeSas).toEqual([]);
}

async function childRefused(meeting: Meeting, words: RegExp): Promise<void> {
  if (meeting.plan.initiator === "charon") await expect(meeting.dial()).rejects.toThrow();
  await meeting.us.next("ike-sa-up");
  const told = await eventually(async () => (words.test(meeting.us.transcript) ? true : undefined));
  expect(told, meeting.us.transcript).toBe(true);
  expect(meeting.us.of("child-sa-up")).toEqual([]);
}
