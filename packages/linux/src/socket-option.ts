/** setsockopt by value, with the failure named; socket options of Linux that more than one kind of socket needs. */
import { Errno } from "./errno.ts";
import { close, errno, getsockname, getsockopt, O_CLOEXEC, O_NONBLOCK, setsockopt, socket } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import { decodeSocketAddress } from "./message.ts";

export const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

export function openSocket(domain: number, type: number, protocol: number, what: string): number {
  const fd = socket(domain, type | O_NONBLOCK | O_CLOEXEC, protocol);
  if (fd < 0) throw new LinuxError("socket", errno(), what);
  return fd;
}

/** 0, or a negative errno. */
export function trySetOption(fd: number, level: number, option: number, value: number | Uint8Array): number {
  const bytes = typeof value === "number" ? int32(value) : value;
  return setsockopt(fd, level, option, bytes, bytes.length) < 0 ? -errno() : 0;
}

/** Closes `fd` and throws when the kernel refuses. */
export function setOption(
  fd: number,
  level: number,
  option: number,
  value: number | Uint8Array,
  what: string,
  name: string,
  cure?: string,
): void {
  const code = trySetOption(fd, level, option, value);
  if (code === 0) return;
  close(fd);
  throw new LinuxError(`setsockopt ${name}`, code, what, cure);
}

export function getIntegerOption(fd: number, level: number, option: number): number {
  const value = Buffer.alloc(4);
  const length = int32(4);
  return getsockopt(fd, level, option, value, length) < 0 ? -errno() : value.readInt32LE();
}

/** Asks past the system's limit where that is allowed (not in a rootless namespace), else up to it. Returns the bytes granted for receiving. */
export function setBufferSizes(fd: number, bytes: number): number {
  if (trySetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) !== 0)
    trySetOption(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (trySetOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes) !== 0)
    trySetOption(fd, SOL_SOCKET, SO_SNDBUF, bytes);
  return getIntegerOption(fd, SOL_SOCKET, SO_RCVBUF);
}

/** Closes `fd` and throws a LinuxError when there is no such interface or the kernel refuses. */
export function bindToDevice(fd: number, device: string, what: string): void {
  const name = Buffer.from(`${device}\0`, "latin1");
  const code = trySetOption(fd, SOL_SOCKET, SO_BINDTODEVICE, name);
  if (code === 0) return;
  close(fd);
  const cure =
    code === -Errno.ENODEV
      ? "there is no such interface in this network namespace: create it first"
      : undefined;
  throw new LinuxError(`setsockopt SO_BINDTODEVICE ${device}`, code, what, cure);
}

/** The local port of a bound socket. */
export function boundPort(fd: number): number {
  const name = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  return getsockname(fd, name, length) < 0 ? 0 : (decodeSocketAddress(name)?.port ?? 0);
}

export function int32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32LE(value);
  return out;
}
