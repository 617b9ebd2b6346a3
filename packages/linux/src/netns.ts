/**
 * Network namespaces (namespaces(7), setns(2)). A namespace belongs to a thread: enter it at the start of a process, before
 * libuv's thread pool or a worker exists, since threads inherit the namespace of the one that starts them.
 */
import { close, errno, O_CLOEXEC, O_RDONLY, open, setns, unshare } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";

export const CLONE_NEWNS = 0x00020000;
export const CLONE_NEWUTS = 0x04000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

/** Where `ip netns` keeps a named namespace. */
export const namedNetns = (name: string): string => `/run/netns/${name}`;
export const processNetns = (pid: number): string => `/proc/${pid}/ns/net`;

/** Moves the calling thread into the network namespace of a path. Throws a LinuxError. */
export function enterNetns(path: string): void {
  const what = `network namespace ${path}`;
  const fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw new LinuxError("open", errno(), what, "create it first (ip netns add)");
  const failed = setns(fd, CLONE_NEWNET) < 0 ? errno() : 0;
  close(fd);
  if (failed !== 0) throw new LinuxError("setns", failed, what);
}

/** Moves the calling thread into fresh namespaces. CLONE_NEWUSER is refused (EINVAL) to a process with threads, so to Node: use unshare(1). */
export function unshareNamespaces(flags: number): void {
  if (unshare(flags) < 0) throw new LinuxError("unshare", errno(), "fresh namespaces");
}

/**
 * Runs `act` inside another network namespace and comes back. Sockets opened inside stay there. Synchronous only: after an
 * await, other code of this thread would run in the wrong namespace.
 */
export function insideNetns<T>(path: string, act: () => T): T {
  const home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) throw new LinuxError("open", errno(), "this thread's network namespace");
  try {
    enterNetns(path);
    return act();
  } finally {
    comeBack(home);
  }
}

function comeBack(home: number): void {
  const failed = setns(home, CLONE_NEWNET) < 0 ? errno() : 0;
  close(home);
  if (failed !== 0) throw new LinuxError("setns", failed, "the way back to this thread's network namespace");
}
