/**
 * One meeting of the engine and charon: both configured from one description, then brought together by the side that
 * initiates. The checks look at both ends: charon's list of SAs, the engine's export, and pings that charon's userspace
 * ESP encrypts and the engine's keys answer (esp-echo.ts).
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import { type IkeConnection, type IkeLimits, selectorOfText, type TrafficSelector } from "../../src/index.ts";
import type { KeyType, TestAuthority } from "./certificates.ts";
import { CharonPeer, type CharonSettings } from "./charon-peer.ts";
import type { NodeSnapshot } from "./ike-node.ts";
import { espProposal, ikeProposal } from "./suites.ts";
import { PATIENCE, TandemPeer } from "./tandem-peer.ts";
import {
  NAT_TOWARDS_THEM,
  NAT_TOWARDS_US,
  OUR_HOST,
  THEIR_HOST,
  THEM,
  THEM_BY_NAT,
  type TwoNetworks,
  US,
  US_BY_NAT,
} from "./two-networks.ts";
import type { ViciSection } from "./vici.ts";

export const OUR_ID = "gateway.tandem.test";
export const THEIR_ID = "device.tandem.test";
export const TUNNEL = "interop";
export const OUR_NET = "10.1.0.0/16";
export const THEIR_NET = "10.2.0.0/16";
const SECRET = "a shared secret of two gateways";

export type Role = "tandem" | "charon";
export const ROLE_NAMES: Readonly<Record<Role, string>> = { tandem: "Tandem", charon: "charon" };
export type AuthName = "psk" | KeyType;

export interface MeetingPlan {
  readonly ike: string;
  readonly esp: string;
  readonly initiator: Role;
  readonly auth: AuthName;
  /** Which side a NAT hides. */
  readonly hidden?: "us" | "them";
  readonly limits?: IkeLimits;
  /** Settings of charon as a whole: a new process when they differ from the one that runs. */
  readonly charon?: CharonSettings;
  readonly ours?: (connection: IkeConnection) => IkeConnection;
  readonly theirs?: (connection: ViciSection) => ViciSection;
  readonly theirChildren?: (children: ViciSection) => ViciSection;
  readonly theirSecret?: string;
  readonly pools?: ViciSection;
}

export interface AgreedSa {
  readonly charon: Awaited<ReturnType<CharonPeer["ikeSas"]>>[number];
  readonly tandem: NodeSnapshot["ikeSas"][number];
}

/** The two processes and the networks between them, kept from case to case. */
export class MeetingPlace {
  readonly networks: TwoNetworks;
  readonly authorities: ReadonlyMap<KeyType, TestAuthority>;
  #us: TandemPeer | undefined;
  #them: CharonPeer | undefined;
  #settings = "";

  constructor(networks: TwoNetworks, authorities: ReadonlyMap<KeyType, TestAuthority>) {
    this.networks = networks;
    this.authorities = authorities;
  }

  async meet(plan: MeetingPlan): Promise<Meeting> {
    this.#us ??= await TandemPeer.start(this.networks.us, { addresses: [US, US_BY_NAT] });
    const settings = JSON.stringify(plan.charon ?? {});
    if (this.#them === undefined || settings !== this.#settings) {
      await this.#them?.stop();
      this.#them = await CharonPeer.start(this.networks.them, plan.charon);
      this.#settings = settings;
    }
    // The engine first: it would answer charon's farewell.
    this.#us.reset(plan.limits);
    await this.#them.reset();
    if (plan.hidden !== undefined) this.networks.hide(plan.hidden);
    const meeting = new Meeting(this, plan, this.#us, this.#them);
    await meeting.configure();
    return meeting;
  }

  /** "strongSwan 5.9.8", as charon says it. */
  async peerVersion(): Promise<string> {
    const version = await this.#them?.vici.request("version");
    return `strongSwan ${String(version?.version ?? "")}`;
  }

  async close(): Promise<void> {
    await this.#us?.stop();
    await this.#them?.stop();
    this.networks.close();
  }
}

export class Meeting {
  readonly place: MeetingPlace;
  readonly plan: MeetingPlan;
  readonly us: TandemPeer;
  readonly them: CharonPeer;

  constructor(place: MeetingPlace, plan: MeetingPlan, us: TandemPeer, them: CharonPeer) {
    this.place = place;
    this.plan = plan;
    this.us = us;
    this.them = them;
  }

  // ── configuration ──────────────────────────────────────────────────────────

  async configure(): Promise<void> {
    const { plan, them } = this;
    const authority = plan.auth === "psk" ? undefined : this.place.authorities.get(plan.auth)!;
    if (authority === undefined) {
      const data = plan.theirSecret ?? SECRET;
      await them.vici.request("load-shared", { id: "s", type: "ike", data, owners: [OUR_ID, THEIR_ID] });
    } else {
      const data = authority.leaves.get(THEIR_ID)!.privateKeyPem;
      await them.vici.request("load-key", { type: "any", data });
    }
    for (const [name, pool] of Object.entries(plan.pools ?? {}))
      await them.vici.request("load-pool", { [name]: pool });
    await them.vici.request("load-conn", { [TUNNEL]: this.#charonConnection(authority) });
    this.us.set(this.#ourConnection(authority));
  }

  #charonConnection(authority: TestAuthority | undefined): ViciSection {
    const { plan } = this;
    const method = authority === undefined ? "psk" : "pubkey";
    const children: ViciSection = {
      net: {
        local_ts: [THEIR_NET],
        remote_ts: [OUR_NET],
        esp_proposals: [plan.esp],
        rekey_time: "0",
        life_time: "1h",
      },
    };
    const connection: ViciSection = {
      version: "2",
      local_addrs: [plan.hidden === undefined ? THEM : THEM_BY_NAT],
      remote_addrs: [this.ourVisibleAddress],
      proposals: [plan.ike],
      mobike: "no",
      rekey_time: "0",
      local: {
        auth: method,
        id: THEIR_ID,
        ...(authority === undefined ? {} : { certs: [authority.leaves.get(THEIR_ID)!.certificatePem] }),
      },
      remote: {
        auth: method,
        id: OUR_ID,
        ...(authority === undefined ? {} : { cacerts: [authority.rootPem] }),
      },
      children: plan.theirChildren?.(children) ?? children,
    };
    return plan.theirs?.(connection) ?? connection;
  }

  get ourVisibleAddress(): string {
    const { hidden } = this.plan;
    if (hidden === undefined) return US;
    return hidden === "us" ? NAT_TOWARDS_THEM : US_BY_NAT;
  }

  get theirVisibleAddress(): string {
    const { hidden } = this.plan;
    if (hidden === undefined) return THEM;
    return hidden === "them" ? NAT_TOWARDS_US : THEM_BY_NAT;
  }

  #ourConnection(authority: TestAuthority | undefined): IkeConnection {
    const { plan } = this;
    const ike = [ikeProposal(plan.ike)];
    const esp = [espProposal(plan.esp)];
    const leaf = authority?.leaves.get(OUR_ID);
    const connection: IkeConnection = {
      tunnel: TUNNEL,
      connection: TUNNEL,
      local: [plan.hidden === undefined ? US : US_BY_NAT],
      remote: this.theirVisibleAddress,
      mode: plan.initiator === "tandem" ? "InitiatorOnly" : "ResponderOnly",
      localId: OUR_ID,
      remoteId: THEIR_ID,
      authentication:
        authority === undefined || leaf === undefined
          ? { method: "psk", secret: new TextEncoder().encode(SECRET) }
          : {
              method: "certificate",
              chain: [leaf.certificate],
              privateKey: leaf.privateKey,
              trustAnchors: [authority.root],
              crls: [],
            },
      ike: { offer: ike, accept: ike },
      esp: { offer: esp, accept: esp },
      ikeLifetime: 3_600_000,
      childLifetime: 3_600_000,
      dpdTimeout: 45_000,
      children: [{ name: "net", local: selectors(OUR_NET), remote: selectors(THEIR_NET) }],
      responderSelectors: "policy",
      forceEncapsulation: false,
    };
    return plan.ours?.(connection) ?? connection;
  }

  // ── what happens ───────────────────────────────────────────────────────────

  /** Charon dials, when it is charon's turn; the engine has begun on its own. */
  async dial(child = "net"): Promise<void> {
    if (this.plan.initiator === "charon")
      await this.them.vici.request("initiate", { ike: TUNNEL, child, timeout: String(PATIENCE) });
  }

  async establish(child = "net"): Promise<AgreedSa> {
    await this.dial(child);
    await this.us.next("child-sa-outbound-ready");
    const agreed = await this.agree();
    const up = this.us.of("ike-sa-up")[0]!;
    expect(up.initiator, "who initiated, by the engine").toBe(this.plan.initiator === "tandem");
    expect(agreed.charon.initiator, "who initiated, by charon").toBe(this.plan.initiator === "charon");
    return agreed;
  }

  /** Waits until both ends list the same IKE SA with the same Child SAs, `children` of them, and nothing else. */
  async agree(children = 1): Promise<AgreedSa> {
    let said = "";
    const agreed = await eventually(async () => {
      const tandem = (await this.us.snapshot()).ikeSas;
      const charon = await this.them.ikeSas();
      said = JSON.stringify({ tandem, charon }, null, 1);
      if (tandem.length !== 1 || charon.length !== 1) return undefined;
      const [ours, theirs] = [tandem[0]!, charon[0]!];
      const same =
        theirs.state === "ESTABLISHED" &&
        ours.initiatorSpi === theirs.initiatorSpi &&
        ours.responderSpi === theirs.responderSpi &&
        ours.children.length === children &&
        theirs.children.length === children &&
        ours.children.every((child) =>
          theirs.children.some(
            (other) =>
              other.state === "INSTALLED" && other.spiIn === child.spiOut && other.spiOut === child.spiIn,
          ),
        );
      return same ? { tandem: ours, charon: theirs } : undefined;
    });
    if (agreed === undefined)
      throw new Error(
        `the ends do not agree on one IKE SA with ${children} Child SAs: ${said}\n${this.story}`,
      );
    return agreed;
  }

  /** Neither end has any SA. */
  async gone(): Promise<void> {
    const done = await eventually(async () => {
      const left = (await this.us.snapshot()).ikeSas.length + (await this.them.ikeSas()).length;
      return left === 0 ? true : undefined;
    });
    if (done === undefined) throw new Error(`SAs are left\n${this.story}`);
  }

  /** From their host through charon's ESP to our host and back; one answer is proof enough on a busy machine. */
  async ping(to = OUR_HOST, from = THEIR_HOST, count = 2): Promise<void> {
    const command = `ping -n -q -i 0.2 -c ${count} -W 2 -I ${from} ${to}`;
    try {
      await promisify(execFile)("ip", ["netns", "exec", this.place.networks.them, ...command.split(" ")]);
    } catch (error) {
      const { stdout = "" } = error as { stdout?: string };
      const { espFailures, espPackets } = await this.us.snapshot();
      throw new Error(
        `no answer to ${command}: ${stdout}\nESP: ${JSON.stringify({ espFailures, espPackets })}\n${this.story}`,
      );
    }
  }

  async wire(): Promise<NodeSnapshot["wire"]> {
    return (await this.us.snapshot()).wire;
  }

  get story(): string {
    return `── the engine ──\n${this.us.transcript}\n── charon ──\n${this.them.log.split("\n").slice(-60).join("\n")}`;
  }
}

export const selectors = (...prefixes: readonly string[]): TrafficSelector[] =>
  prefixes.map((prefix) => {
    const selector = selectorOfText(prefix);
    if (selector === undefined) throw new RangeError(prefix);
    return selector;
  });

/** Asks until there is an answer; undefined when there is none in time. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  within = PATIENCE,
): Promise<T | undefined> {
  const end = performance.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > end) return answer;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
