import { Errno, errnoName } from "./errno.ts";

/**
 * A system call failed while something was being set up. `code` is the errno's name; `message` names the call, the cause and
 * what cures it. Calls of the packet path never throw: they return a negative errno.
 */
export class LinuxError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, what: string, cure?: string) {
    const code = errnoName(errno);
    const advice = cure ?? cures[Math.abs(errno)];
    super(`${what}: ${syscall} failed with ${code}${advice === undefined ? "" : `; ${advice}`}`);
    this.name = "LinuxError";
    this.code = code;
    this.errno = Math.abs(errno);
    this.syscall = syscall;
  }
}

const cures: Readonly<Record<number, string>> = {
  [Errno.EPERM]:
    "run it as root, with CAP_NET_ADMIN and CAP_NET_RAW, or in a user namespace that owns the network namespace",
  [Errno.EACCES]: "the file or address is closed to this user: run it as root or fix its mode",
  [Errno.EADDRINUSE]: "another socket holds this address and port: stop its owner or choose another",
  [Errno.EADDRNOTAVAIL]:
    "no interface here has this address: add it, or set freebind to bind before it is there",
  [Errno.EMFILE]: "raise the limit of open files (ulimit -n)",
  [Errno.ENOMEM]: "the kernel has no memory for it: lower the size or raise the memory limit",
  [Errno.EAFNOSUPPORT]: "this kernel has the address family switched off (IPv6 disabled?)",
};

/** Throws unless this is Linux on a 64-bit little-endian machine, the only place the structures of this package fit. */
export function requireLinux(what: string): void {
  if (process.platform !== "linux") {
    throw new Error(
      `${what} needs Linux, and this is ${process.platform}; run it in the container: docker compose up`,
    );
  }
  if (process.arch !== "x64" && process.arch !== "arm64") {
    throw new Error(`${what} knows x86_64 and arm64 Linux, and this is ${process.arch}`);
  }
}
