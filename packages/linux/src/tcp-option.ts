/** Options of TCP sockets that node:net does not know: RFC 2385 signatures (TCP_MD5SIG), RFC 5082 (GTSM: TTL 255 and IP_MINTTL). */
import { parseAddress } from "@tandem/wire";
import { Errno } from "./errno.ts";
import { LinuxError } from "./linux-error.ts";
import { encodeSocketAddress, SOL_IP, SOL_IPV6 } from "./message.ts";
import { bindToDevice, SOL_SOCKET, setOption, trySetOption } from "./socket-option.ts";

const SOL_TCP = 6;
const TCP_NODELAY = 1;
const TCP_MD5SIG = 14;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_FREEBIND = 15;
const IP_MINTTL = 21;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_TCLASS = 67;
const IPV6_MINHOPCOUNT = 73;
const IPV6_FREEBIND = 78;

/** Longest key the kernel takes. */
export const MAX_MD5_KEY_LENGTH = 80;

export interface TcpSocketOptions {
  /** TTL or hop limit of what is sent; 255 for GTSM, 1 for a directly connected eBGP peer. */
  readonly ttl?: number;
  /** What comes with less is dropped by the kernel before TCP sees it. */
  readonly minTtl?: number;
  /** Bind an address that is not on an interface (yet). */
  readonly freebind?: boolean;
  /** Share address and port with other sockets of this user that set it too, also a listener. */
  readonly reusePort?: boolean;
  readonly device?: string;
  /** DS field; BGP uses CS6 = 0xc0 (RFC 4594 §3.1). */
  readonly tos?: number;
}

/** Closes `fd` and throws a LinuxError when an option is refused. */
export function applyTcpOptions(fd: number, family: 4 | 6, options: TcpSocketOptions, what: string): void {
  const six = family === 6;
  const level = six ? SOL_IPV6 : SOL_IP;
  const set = (at: number, option: number, value: number, name: string): void =>
    setOption(fd, at, option, value, what, name);
  set(SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"); // past a dead session's TIME_WAIT
  if (options.reusePort) set(SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
  set(SOL_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  if (six) set(level, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  if (options.freebind) set(level, six ? IPV6_FREEBIND : IP_FREEBIND, 1, "FREEBIND");
  if (options.ttl !== undefined) set(level, six ? IPV6_UNICAST_HOPS : IP_TTL, options.ttl, "TTL");
  if (options.minTtl !== undefined) set(level, six ? IPV6_MINHOPCOUNT : IP_MINTTL, options.minTtl, "MINTTL");
  if (options.tos !== undefined) set(level, six ? IPV6_TCLASS : IP_TOS, options.tos, "TOS");
  if (options.device !== undefined) bindToDevice(fd, options.device, what);
}

/**
 * Sets (or with undefined removes) the key for one peer, on a connecting socket or on a listener, where it holds for the
 * connections it accepts from now on. 0, or a negative errno; removing a key that is not there is no error.
 */
export function setMd5Key(fd: number, peer: string, key: Uint8Array | undefined): number {
  const address = parseAddress(peer);
  if (address === undefined) throw new RangeError(`"${peer}" is no address`);
  if (key !== undefined && (key.length === 0 || key.length > MAX_MD5_KEY_LENGTH)) {
    throw new RangeError(`a TCP MD5 key has 1 to ${MAX_MD5_KEY_LENGTH} bytes, not ${key.length}`);
  }
  // struct tcp_md5sig: sockaddr_storage 128, flags u8, prefix length u8, key length u16, ifindex i32, key 80
  const option = Buffer.alloc(216);
  option.set(encodeSocketAddress(address, 0), 0);
  if (key !== undefined) {
    option.writeUInt16LE(key.length, 130);
    option.set(key, 136);
  }
  const code = trySetOption(fd, SOL_TCP, TCP_MD5SIG, option);
  option.fill(0);
  return key === undefined && code === -Errno.ENOENT ? 0 : code;
}

export function md5Failure(code: number, what: string): LinuxError {
  const cure =
    code === -Errno.ENOPROTOOPT
      ? "this kernel has no TCP MD5 signatures (CONFIG_TCP_MD5SIG): drop the password of this BGP session or use another kernel"
      : undefined;
  return new LinuxError("setsockopt TCP_MD5SIG", code, what, cure);
}
