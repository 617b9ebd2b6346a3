/**
 * Reads an InstanceConfig whole: shape (zod), unknown fields, then the rules that no schema can say.
 * Nothing is applied unless everything holds; each problem names the place, the value and what would be accepted.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { InstanceConfig } from "@tandem/contract";
import { canonicalAddress, parsePrefix, prefixesOverlap } from "@tandem/wire";
import { policyProblems } from "./ipsec-policy.ts";

export interface ConfigProblem {
  /** Dotted path, for example `connections.0.bgp.asn`. */
  readonly path: string;
  readonly message: string;
}

export type ReadConfig =
  | { readonly ok: true; readonly config: InstanceConfig }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** A process hosts 0, 1 or 2 seats (DESIGN §2); a device has one. */
const MAX_SEATS = { instance: 2, device: 1 } as const;

export function readInstanceConfig(input: unknown): ReadConfig {
  const parsed = InstanceConfig.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => ({
      path: issue.path.map(String).join("."),
      message: issue.message,
    }));
    return { ok: false, problems };
  }
  const problems: ConfigProblem[] = [];
  unknownFields(input, parsed.data, "", problems);
  checkRules(parsed.data, (path, message) => problems.push({ path, message }));
  return problems.length === 0 ? { ok: true, config: parsed.data } : { ok: false, problems };
}

/** One line per problem. */
export function describeProblems(problems: readonly ConfigProblem[]): string {
  return problems.map((p) => (p.path === "" ? p.message : `${p.path}: ${p.message}`)).join("\n");
}

function unknownFields(input: unknown, known: unknown, path: string, out: ConfigProblem[]): void {
  if (Array.isArray(input) && Array.isArray(known)) {
    for (const [i, item] of input.entries()) unknownFields(item, known[i], join(path, String(i)), out);
    return;
  }
  if (!isRecord(input) || !isRecord(known)) return;
  for (const key of Object.keys(input)) {
    if (input[key] === undefined) continue;
    if (!Object.hasOwn(known, key)) out.push({ path: join(path, key), message: "unknown field" });
    else unknownFields(input[key], known[key], join(path, key), out);
  }
}

type Report = (path: string, message: string) => void;

function checkRules(config: InstanceConfig, report: Report): void {
  const address = (path: string, value: string): void => {
    const canonical = canonicalAddress(value);
    if (canonical === undefined) report(path, `"${value}" is no IP address`);
    else if (canonical !== value) report(path, `write "${value}" as "${canonical}"`);
  };
  const prefix = (path: string, value: string): void => {
    const parsed = parsePrefix(value);
    if (parsed === undefined) report(path, `"${value}" is no prefix such as 10.0.0.0/16`);
    else if (parsed.text !== value) report(path, `write "${value}" as "${parsed.text}"`);
  };
  checkInterfaces(config, report);
  if (config.routerId !== undefined) address("routerId", config.routerId);
  for (const [i, p] of config.localPrefixes.entries()) prefix(`localPrefixes.${i}`, p);

  const max = MAX_SEATS[config.kind];
  if (config.seats.length > max) {
    report("seats", `${config.seats.length} seats; a process of kind ${config.kind} hosts at most ${max}`);
  }
  unique(config.seats, (seat) => seat.name, "seats", "name", report);
  const owners = new Map<string, string>();
  for (const [i, seat] of config.seats.entries()) {
    for (const [j, ip] of seat.publicIps.entries()) {
      address(`seats.${i}.publicIps.${j}`, ip);
      const other = owners.get(ip);
      if (other !== undefined) report(`seats.${i}.publicIps.${j}`, `${ip} already belongs to seat ${other}`);
      owners.set(ip, seat.name);
    }
    address(`seats.${i}.bgpIp`, seat.bgpIp);
  }

  unique(config.connections, (connection) => connection.tunnel, "connections", "tunnel", report);
  const seatNames = new Set(config.seats.map((seat) => seat.name));
  for (const [i, connection] of config.connections.entries()) {
    const at = `connections.${i}`;
    if (!seatNames.has(connection.seat) && config.kind === "device") {
      report(`${at}.seat`, `no seat "${connection.seat}"; seats: ${[...seatNames].join(", ")}`);
    }
    checkConnection(config, connection, at, report, address, prefix);
  }
  if (config.partner !== undefined) {
    address("partner.localAddress", config.partner.localAddress);
    address("partner.address", config.partner.address);
    if (!/^([0-9a-f]{2}){32,}$/i.test(config.partner.key)) {
      report("partner.key", "at least 32 bytes in hexadecimal");
    }
    for (const [i, peer] of config.partner.bgpPeers.entries()) {
      address(`partner.bgpPeers.${i}.neighbor`, peer.neighbor);
    }
  }
}

function checkInterfaces(config: InstanceConfig, report: Report): void {
  const names = [
    ["outside.interface", config.outside.interface],
    ["inside.interface", config.inside.interface],
    ["tun.interface", config.tun.interface],
  ] as const;
  for (const [path, name] of names) {
    if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name)) report(path, `"${name}" is no interface name`);
  }
  if (new Set(names.map(([, name]) => name)).size !== names.length) {
    report("outside.interface", "outside, inside and tun must be three different interfaces");
  }
  const { mtu, mssClamp } = config.tun;
  if (!Number.isInteger(mtu) || mtu < 1280 || mtu > 9000) report("tun.mtu", `${mtu}: 1280 to 9000 bytes`);
  if (!Number.isInteger(mssClamp) || mssClamp < 0 || mssClamp > mtu - 40) {
    report("tun.mssClamp", `${mssClamp}: 0 (off) or at most the MTU less 40 bytes`);
  }
}

function checkConnection(
  config: InstanceConfig,
  connection: InstanceConfig["connections"][number],
  at: string,
  report: Report,
  address: (path: string, value: string) => void,
  prefix: (path: string, value: string) => void,
): void {
  if (connection.remote.address !== null) address(`${at}.remote.address`, connection.remote.address);
  else if (connection.mode === "InitiatorOnly") {
    report(`${at}.mode`, "InitiatorOnly needs the remote's address");
  }
  if (connection.addressPool !== undefined && connection.requestAddress) {
    report(`${at}.requestAddress`, "a connection either hands out addresses or asks for one");
  }
  const window = connection.replayWindow;
  if (window !== 0 && (!Number.isInteger(window) || window < 64 || window > 4096)) {
    report(`${at}.replayWindow`, `${window}: 0 (off) or 64 to 4096 packets`);
  }
  for (const [i, p] of connection.staticPrefixes.entries()) prefix(`${at}.staticPrefixes.${i}`, p);
  for (const [i, p] of (connection.addressPool ?? []).entries()) prefix(`${at}.addressPool.${i}`, p);
  for (const [i, ts] of connection.trafficSelectors.entries()) {
    for (const [j, p] of ts.local.entries()) prefix(`${at}.trafficSelectors.${i}.local.${j}`, p);
    for (const [j, p] of ts.remote.entries()) prefix(`${at}.trafficSelectors.${i}.remote.${j}`, p);
    if (ts.local.length === 0) report(`${at}.trafficSelectors.${i}.local`, "at least one prefix");
    if (ts.remote.length === 0) report(`${at}.trafficSelectors.${i}.remote`, "at least one prefix");
  }
  for (const [i, text] of (connection.addressPool ?? []).entries()) {
    const pool = parsePrefix(text);
    for (const local of config.localPrefixes) {
      const own = parsePrefix(local);
      if (pool !== undefined && own !== undefined && prefixesOverlap(pool, own)) {
        report(`${at}.addressPool.${i}`, `${text} overlaps our own prefix ${local}`);
      }
    }
  }
  if (connection.ipsecPolicy !== undefined) {
    for (const problem of policyProblems(connection.ipsecPolicy)) {
      report(`${at}.ipsecPolicy.${problem.field}`, problem.message);
    }
  }
  checkAuthentication(connection.authentication, `${at}.authentication`, report);
  if (connection.bgp !== undefined) checkBgp(config, connection.bgp, `${at}.bgp`, report, address);
}

function checkAuthentication(
  authentication: InstanceConfig["connections"][number]["authentication"],
  at: string,
  report: Report,
): void {
  if (authentication.method === "psk") {
    if (authentication.secret.length === 0) report(`${at}.secret`, "an empty pre-shared key");
    return;
  }
  const read = (path: string, pem: string): X509Certificate | undefined => {
    try {
      return new X509Certificate(pem);
    } catch {
      report(path, "no X.509 certificate in PEM");
      return undefined;
    }
  };
  const chain = authentication.chain.map((pem, i) => read(`${at}.chain.${i}`, pem));
  for (const [i, pem] of authentication.roots.entries()) read(`${at}.roots.${i}`, pem);
  if (authentication.roots.length === 0) report(`${at}.roots`, "at least one trusted root");
  if (authentication.chain.length === 0) report(`${at}.chain`, "at least the own certificate");
  try {
    const key = createPrivateKey(authentication.privateKey);
    const leaf = chain[0];
    if (leaf !== undefined && !leaf.checkPrivateKey(key)) {
      report(`${at}.privateKey`, "does not belong to the first certificate of the chain");
    }
  } catch {
    report(`${at}.privateKey`, "no private key in PEM");
  }
}

function checkBgp(
  config: InstanceConfig,
  bgp: NonNullable<InstanceConfig["connections"][number]["bgp"]>,
  at: string,
  report: Report,
  address: (path: string, value: string) => void,
): void {
  address(`${at}.neighbor`, bgp.neighbor);
  if (bgp.localAddress !== undefined) address(`${at}.localAddress`, bgp.localAddress);
  if (!Number.isInteger(bgp.asn) || bgp.asn < 1 || bgp.asn > 0xffffffff) {
    report(`${at}.asn`, `${bgp.asn}: 1 to 4294967295`);
  } else if (bgp.asn === config.asn) {
    report(`${at}.asn`, `${bgp.asn} is our own ASN; the two ends must differ`);
  }
  if (bgp.holdTime !== 0 && (bgp.holdTime < 3 || bgp.holdTime > 65_535)) {
    report(`${at}.holdTime`, `${bgp.holdTime}: 0 or 3 to 65535 seconds (RFC 4271 §4.2)`);
  }
  if (bgp.holdTime !== 0 && bgp.keepaliveTime * 2 > bgp.holdTime) {
    report(`${at}.keepaliveTime`, `${bgp.keepaliveTime}: at most half the hold time of ${bgp.holdTime}`);
  }
  if (bgp.md5 !== undefined && (bgp.md5.length === 0 || bgp.md5.length > 80)) {
    report(`${at}.md5`, "1 to 80 characters (TCP_MD5SIG_MAXKEYLEN)");
  }
}

function unique<T>(
  items: readonly T[],
  key: (item: T) => string,
  at: string,
  field: string,
  report: Report,
): void {
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    const value = key(item);
    if (seen.has(value)) report(`${at}.${i}.${field}`, `"${value}" appears twice`);
    seen.add(value);
  }
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
