/**
 * Reading list: RFC 4271 §4.2, §6.2; RFC 4724 §3; RFC 4760 §8; RFC 5492 §5.
 * What our OPEN says to a peer, whether the peer's OPEN suits, and what the two agree on.
 */
import type { Family, PeerConfig } from "./config.ts";
import { HOLD_TIME_SECONDS } from "./constants.ts";
import { type Core, FAMILIES } from "./core.ts";
import { type BgpError, bgpError } from "./errors.ts";
import { restartTime } from "./graceful-restart.ts";
import { CapabilityCode, ErrorCode, OpenError } from "./iana.ts";
import { type Capabilities, familyAfi, NO_CAPABILITIES } from "./message/capability.ts";
import { checkOpen, encodeOpen, type Open } from "./message/open.ts";

export interface OpenFacts {
  /** The peer does not know capabilities (RFC 5492 §3). */
  readonly bare: boolean;
  /** Forwarding went on since the last session: the F bit. */
  readonly forwarding: boolean;
}

export function buildOpen(core: Core, config: PeerConfig, facts: OpenFacts): Uint8Array {
  return encodeOpen({
    asn: core.config.asn,
    holdTime: config.holdTime ?? HOLD_TIME_SECONDS,
    routerId: core.routerId,
    capabilities: facts.bare ? NO_CAPABILITIES : capabilitiesOf(core, config, facts.forwarding),
  });
}

function capabilitiesOf(core: Core, config: PeerConfig, forwarding: boolean): Capabilities {
  const families = config.families ?? FAMILIES;
  const gr = config.gracefulRestart;
  const offered = gr !== undefined && (gr.restarter || gr.helper);
  return {
    families,
    routeRefresh: true,
    fourOctetAs: core.config.asn,
    gracefulRestart: !offered
      ? undefined
      : {
          restarted: gr.restarter && core.restarting(),
          restartTime: gr.restarter ? restartTime(gr) : 0,
          // RFC 4724 §3: without families it says "I only help".
          families: gr.restarter ? families.map((family) => ({ family, forwarding })) : [],
        },
    declined: [],
  };
}

export interface Negotiated {
  readonly families: readonly Family[];
  readonly fourOctetAs: boolean;
  readonly routeRefresh: boolean;
}

/** RFC 4760 §8: families both sides offered; a peer without the capability speaks IPv4 unicast. */
export function negotiate(config: PeerConfig, open: Open): Negotiated {
  const ours = config.families ?? FAMILIES;
  const theirs = open.capabilities.families ?? ["ipv4-unicast"];
  return {
    families: ours.filter((f) => theirs.includes(f)),
    fourOctetAs: open.capabilities.fourOctetAs !== undefined,
    routeRefresh: open.capabilities.routeRefresh,
  };
}

/** Seconds; RFC 4271 §4.2, or the cloud's fixed times (azure-vpn-gateway §3). */
export function agreeOnTimes(
  config: PeerConfig,
  open: Open | undefined,
): { readonly hold: number; readonly keepalive: number } {
  const ours = config.holdTime ?? HOLD_TIME_SECONDS;
  const hold = config.fixedTimers ? ours : Math.min(ours, open?.holdTime ?? ours);
  if (hold === 0) return { hold, keepalive: 0 };
  const wanted = config.keepaliveTime ?? ours / 3;
  return { hold, keepalive: config.fixedTimers ? wanted : Math.min(wanted, hold / 3) };
}

/** Why the peer's OPEN does not do, as the NOTIFICATION that says so. */
export function openProblem(core: Core, config: PeerConfig, open: Open): BgpError | undefined {
  const wrong = checkOpen(open, {
    localAsn: core.config.asn,
    localRouterId: core.routerId,
    peerAsn: config.asn,
  });
  if (wrong !== undefined || negotiate(config, open).families.length > 0) return wrong;
  // RFC 5492 §5: the data lists the capabilities that the peer would have to have.
  const families = config.families ?? FAMILIES;
  const data = families.flatMap((f) => [CapabilityCode.MULTIPROTOCOL, 4, 0, familyAfi(f), 0, 1]);
  const detail = "no address family in common";
  return bgpError(ErrorCode.OPEN_MESSAGE, OpenError.UNSUPPORTED_CAPABILITY, detail, Uint8Array.from(data));
}
