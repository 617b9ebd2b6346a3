/**
 * Reading list: RFC 5492 (capabilities), RFC 4760 §8 (multiprotocol), RFC 2918 §2 (route refresh),
 * RFC 4724 §3 (graceful restart), RFC 6793 §3 (4-octet AS).
 *
 * Unknown capabilities are skipped: that is how they are declined (RFC 5492 §3). Their places: ADD-PATH (69),
 * LLGR (71), roles (9), extended messages (6) and enhanced refresh (70) would each get a case in `decodeOne`.
 */
import type { Family } from "../config.ts";
import { Afi, CapabilityCode, Safi } from "../iana.ts";

export interface GracefulRestartFamily {
  readonly family: Family;
  /** F bit: forwarding state was kept through the restart. */
  readonly forwarding: boolean;
}

export interface GracefulRestart {
  /** R bit: the sender has just restarted. */
  readonly restarted: boolean;
  readonly restartTime: number;
  readonly families: readonly GracefulRestartFamily[];
}

export interface Capabilities {
  /** Undefined when no multiprotocol capability came: then the session carries IPv4 unicast alone (RFC 4760 §8). */
  readonly families: readonly Family[] | undefined;
  readonly routeRefresh: boolean;
  readonly fourOctetAs: number | undefined;
  readonly gracefulRestart: GracefulRestart | undefined;
  /** Codes that we do not speak, for the log. */
  readonly declined: readonly number[];
}

export const NO_CAPABILITIES: Capabilities = {
  families: undefined,
  routeRefresh: false,
  fourOctetAs: undefined,
  gracefulRestart: undefined,
  declined: [],
};

export const familyAfi = (family: Family): number => (family === "ipv4-unicast" ? Afi.IPV4 : Afi.IPV6);

export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== Safi.UNICAST) return undefined;
  if (afi === Afi.IPV4) return "ipv4-unicast";
  if (afi === Afi.IPV6) return "ipv6-unicast";
  return undefined;
}

/** The value of one Capabilities optional parameter: a chain of (code, length, value). */
export function encodeCapabilities(c: Capabilities): Uint8Array {
  const out: number[] = [];
  for (const family of c.families ?? []) {
    out.push(CapabilityCode.MULTIPROTOCOL, 4, 0, familyAfi(family), 0, Safi.UNICAST);
  }
  if (c.routeRefresh) out.push(CapabilityCode.ROUTE_REFRESH, 0);
  if (c.gracefulRestart !== undefined) {
    const g = c.gracefulRestart;
    out.push(CapabilityCode.GRACEFUL_RESTART, 2 + 4 * g.families.length);
    out.push((g.restarted ? 0x80 : 0) | ((g.restartTime >>> 8) & 0x0f), g.restartTime & 0xff);
    for (const f of g.families) out.push(0, familyAfi(f.family), Safi.UNICAST, f.forwarding ? 0x80 : 0);
  }
  if (c.fourOctetAs !== undefined) {
    const as = c.fourOctetAs;
    out.push(CapabilityCode.FOUR_OCTET_AS, 4, as >>> 24, (as >>> 16) & 0xff, (as >>> 8) & 0xff, as & 0xff);
  }
  return Uint8Array.from(out);
}

/** Adds what stands in `bytes` to `into`; undefined when the chain overruns its length. */
export function decodeCapabilities(bytes: Uint8Array, into: Capabilities): Capabilities | undefined {
  let at = 0;
  let result = into;
  while (at < bytes.length) {
    if (bytes.length - at < 2) return undefined;
    const code = bytes[at]!;
    const length = bytes[at + 1]!;
    if (bytes.length - at - 2 < length) return undefined;
    result = decodeOne(code, bytes.subarray(at + 2, at + 2 + length), result);
    at += 2 + length;
  }
  return result;
}

/** A capability of a wrong length is as good as not sent: RFC 5492 has no error for it. */
function decodeOne(code: number, value: Uint8Array, c: Capabilities): Capabilities {
  switch (code) {
    case CapabilityCode.MULTIPROTOCOL: {
      if (value.length !== 4) return c;
      const family = familyOf((value[0]! << 8) | value[1]!, value[3]!);
      const families = c.families ?? [];
      if (family === undefined || families.includes(family)) return { ...c, families };
      return { ...c, families: [...families, family] };
    }
    case CapabilityCode.ROUTE_REFRESH:
      return { ...c, routeRefresh: true };
    case CapabilityCode.FOUR_OCTET_AS:
      if (value.length !== 4) return c;
      return {
        ...c,
        fourOctetAs: ((value[0]! << 24) | (value[1]! << 16) | (value[2]! << 8) | value[3]!) >>> 0,
      };
    case CapabilityCode.GRACEFUL_RESTART:
      // RFC 4724 §3: of several, the last counts.
      if (value.length < 2 || value.length % 4 !== 2) return c;
      return { ...c, gracefulRestart: decodeGracefulRestart(value) };
    default:
      return { ...c, declined: [...c.declined, code] };
  }
}

function decodeGracefulRestart(value: Uint8Array): GracefulRestart {
  const families: GracefulRestartFamily[] = [];
  for (let at = 2; at < value.length; at += 4) {
    const family = familyOf((value[at]! << 8) | value[at + 1]!, value[at + 2]!);
    if (family !== undefined) families.push({ family, forwarding: (value[at + 3]! & 0x80) !== 0 });
  }
  return {
    restarted: (value[0]! & 0x80) !== 0,
    restartTime: ((value[0]! & 0x0f) << 8) | value[1]!,
    families,
  };
}
