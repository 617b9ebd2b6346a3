/** An eventfd: the bell that wakes a worker that blocks in poll. Any thread of the process may ring it. */
import { close, errno, eventfd, eventfdRead, eventfdWrite, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";

/** Returns a non-blocking file descriptor; pass it to the worker as a number. */
export function openEventFd(): number {
  const fd = eventfd(0, O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw new LinuxError("eventfd", errno(), "a bell for the worker");
  return fd;
}

export function ringEventFd(fd: number): void {
  eventfdWrite(fd, 1);
}

/** Silences the bell; `scratch` is the address of 8 writable bytes. True when it had rung. */
export function drainEventFd(fd: number, scratch: number): boolean {
  return eventfdRead(fd, scratch) === 0;
}

export function closeEventFd(fd: number): void {
  close(fd);
}
