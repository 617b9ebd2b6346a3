/**
 * The C library. Hot calls take plain numbers (file descriptors, addresses in an arena, lengths) and allocate nothing;
 * one costs about 60 to 100 ns over the call itself. They return what C returns: -1 means "look at errno()".
 * Symbols come from the running process (dlopen(NULL)), so glibc and musl both do.
 */
import koffi from "koffi";
import { requireLinux } from "./linux-error.ts";

requireLinux("packages/linux");

const c = koffi.load(null);

const P = "uintptr_t";
const bind = <T>(name: string, result: string, parameters: string[]): T =>
  c.func(name, result, parameters) as unknown as T;

// ── the packet path: addresses as numbers ──────────────────────────────────────────────────────────────────────────────
export const read: (fd: number, address: number, length: number) => number = bind("read", "long", [
  "int",
  P,
  "size_t",
]);
export const write: (fd: number, address: number, length: number) => number = bind("write", "long", [
  "int",
  P,
  "size_t",
]);
export const readv: (fd: number, iovec: number, count: number) => number = bind("readv", "long", [
  "int",
  P,
  "int",
]);
export const writev: (fd: number, iovec: number, count: number) => number = bind("writev", "long", [
  "int",
  P,
  "int",
]);
export const poll: (pollfds: number, count: number, timeoutMs: number) => number = bind("poll", "int", [
  P,
  "ulong",
  "int",
]);
export const recvmsg: (fd: number, msghdr: number, flags: number) => number = bind("recvmsg", "long", [
  "int",
  P,
  "int",
]);
export const sendmsg: (fd: number, msghdr: number, flags: number) => number = bind("sendmsg", "long", [
  "int",
  P,
  "int",
]);
/** `timeout` is an address of a struct timespec, 0 for none. */
export const recvmmsg: (
  fd: number,
  mmsghdr: number,
  count: number,
  flags: number,
  timeout: number,
) => number = bind("recvmmsg", "int", ["int", P, "uint", "int", P]);
export const sendmmsg: (fd: number, mmsghdr: number, count: number, flags: number) => number = bind(
  "sendmmsg",
  "int",
  ["int", P, "uint", "int"],
);
export const recv: (fd: number, address: number, length: number, flags: number) => number = bind(
  "recv",
  "long",
  ["int", P, "size_t", "int"],
);
export const send: (fd: number, address: number, length: number, flags: number) => number = bind(
  "send",
  "long",
  ["int", P, "size_t", "int"],
);
/** Regions may overlap. The result is meaningless. */
export const memmove: (to: number, from: number, length: number) => void = bind("memmove", "void", [
  P,
  P,
  "size_t",
]);
export const eventfdWrite: (fd: number, value: number) => number = bind("eventfd_write", "int", [
  "int",
  "uint64_t",
]);
export const eventfdRead: (fd: number, address: number) => number = bind("eventfd_read", "int", ["int", P]);

/** errno of the last call of this thread; ask before any other call. */
export const errno: () => number = () => koffi.errno();

// ── setting things up: buffers as pointers ─────────────────────────────────────────────────────────────────────────────
export const open: (path: string, flags: number) => number = bind("open", "int", ["str", "int"]);
export const close: (fd: number) => number = bind("close", "int", ["int"]);
export const socket: (domain: number, type: number, protocol: number) => number = bind("socket", "int", [
  "int",
  "int",
  "int",
]);
export const bindSocket: (fd: number, address: Uint8Array, length: number) => number = bind("bind", "int", [
  "int",
  "void *",
  "uint",
]);
export const connect: (fd: number, address: Uint8Array, length: number) => number = bind("connect", "int", [
  "int",
  "void *",
  "uint",
]);
export const listen: (fd: number, backlog: number) => number = bind("listen", "int", ["int", "int"]);
export const getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number = bind(
  "getsockname",
  "int",
  ["int", "void *", "void *"],
);
export const setsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: number,
) => number = bind("setsockopt", "int", ["int", "int", "int", "void *", "uint"]);
export const getsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: Uint8Array,
) => number = bind("getsockopt", "int", ["int", "int", "int", "void *", "void *"]);
export const ioctlPointer: (fd: number, request: number, argument: Uint8Array) => number = bind(
  "ioctl",
  "int",
  ["int", "ulong", "void *"],
);
export const ioctlNumber: (fd: number, request: number, argument: number) => number = bind("ioctl", "int", [
  "int",
  "ulong",
  "ulong",
]);
export const fcntl: (fd: number, command: number, argument: number) => number = bind("fcntl", "int", [
  "int",
  "int",
  "long",
]);
export const eventfd: (initial: number, flags: number) => number = bind("eventfd", "int", ["uint", "int"]);
export const setns: (fd: number, type: number) => number = bind("setns", "int", ["int", "int"]);
export const unshare: (flags: number) => number = bind("unshare", "int", ["int"]);
export const mmap: (
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => number | bigint = bind("mmap", P, [P, "size_t", "int", "int", "int", "long"]);
export const mprotect: (address: number, length: number, protection: number) => number = bind(
  "mprotect",
  "int",
  [P, "size_t", "int"],
);
export const ifNameToIndex: (name: string) => number = bind("if_nametoindex", "uint", ["str"]);

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;
