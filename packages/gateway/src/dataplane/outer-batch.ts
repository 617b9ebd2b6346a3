/**
 * Sealed packets on their way out. Equal-sized ones to one peer are a run, which leaves as one message (UDP_SEGMENT); short runs,
 * of many peers or of many sizes, are collected and leave by one call.
 *
 *      out region   │ seg │ seg │ seg │ short ┃ seg ┃ seg │ seg │ ... free ...
 *                   └──────── run 0 ─────────┘└ 1 ─┘└── run 2 ──
 *
 * A run holds at most 64 segments (what older kernels allow) and 65,400 bytes; a shorter packet ends it; another peer, size or TOS starts the next.
 * Packets of one peer leave in the order they came. Nothing waits past the end of a turn.
 */
import { CipherJobs, DropReason, MAX_JOBS } from "@tandem/esp";
import { Errno, type SendBatch } from "@tandem/linux";
import { parseAddress } from "@tandem/wire";
import type { Plane } from "./plane.ts";
import { LoopCounter } from "./shared-counters.ts";
import type { OuterPath } from "./tunnel.ts";

/**
 * The kernel would take 65,507 bytes, but hands a super-packet that reaches the device's gso_max_size (65,536 with link,
 * IP and UDP headers) over in segments: four times slower. This leaves room for the longest headers.
 */
const MAX_BATCH = 65400;

/** Implementation: runs longer than this are worth a call of their own, and the next one gets the whole region. */
const COLLECT = 16384;
const MAX_RUNS = 64;

const SEAL_FAILED = DropReason["seal-failed"];
const SOCKET_FULL = DropReason["socket-full"];
const SOCKET_ERROR = DropReason["socket-error"];

class Run {
  path!: OuterPath;
  tos = 0;
  /** Offset of its first packet, bytes so far, and bytes of each packet but the last. */
  start = 0;
  total = 0;
  segment = 0;
  closed = false;
}

export class OuterBatch {
  /** The packets of the open runs on their way through their cipher; carried out when they are sent. */
  readonly jobs: CipherJobs = new CipherJobs();
  readonly #plane: Plane;
  readonly #waitWritable: (fd: number, ms: number) => boolean;
  readonly #runs: readonly Run[] = Array.from({ length: MAX_RUNS }, () => new Run());
  #used = 0;
  #count = 0;
  /** Set for the rest of a turn in which a socket stayed full, so that the turn does not wait again for every packet. */
  #gaveUp = false;

  /** `waitWritable` waits up to some milliseconds for room in a socket. */
  constructor(plane: Plane, waitWritable: (fd: number, ms: number) => boolean) {
    this.#plane = plane;
    this.#waitWritable = waitWritable;
  }

  /** Offset where the next ESP packet of `length` bytes for this path is to be written; `commit` follows, or nothing. */
  place(path: OuterPath, length: number, tos: number): number {
    const first = this.#plane.regions.out;
    let end = first;
    if (this.#used > 0) {
      const run = this.#runs[this.#used - 1]!;
      end = run.start + run.total;
      const fits = this.#count < MAX_JOBS && end + length <= first + MAX_BATCH;
      if (fits && run.path === path && run.tos === tos && !run.closed && length <= run.segment) return end;
      if (run.total === 0) this.#used--; // it was placed, and nothing came of it
      const last = this.#used > 0 ? run.path : path;
      if (!fits || end - first > COLLECT || this.#used === MAX_RUNS || !this.#together(last, path)) {
        this.flush();
        end = first;
      }
    }
    const run = this.#runs[this.#used++]!;
    run.path = path;
    run.tos = tos;
    run.start = end;
    run.total = 0;
    run.segment = length;
    run.closed = false;
    return end;
  }

  /** The packet at the place is `length` bytes long. */
  commit(length: number): void {
    const run = this.#runs[this.#used - 1]!;
    run.total += length;
    this.#count++;
    if (length < run.segment) run.closed = true;
  }

  /** Sends what is open. */
  flush(): void {
    if (this.#count > 0) {
      this.jobs.run();
      if (this.jobs.allOk()) {
        if (this.#plane.tap.on) for (let i = 0; i < this.#used; i++) this.#capture(this.#runs[i]!);
        this.#sendRuns();
      } else this.#sendSealed();
    }
    this.#used = 0;
    this.#count = 0;
  }

  endTurn(): void {
    this.flush();
    this.#gaveUp = false;
  }

  /** One call goes to one socket. */
  #together(a: OuterPath, b: OuterPath): boolean {
    return this.#plane.sendBatch !== undefined && a.socket === b.socket;
  }

  /** The backend failed on some packet, which must never be: those that are sealed go one by one, the others not at all. */
  #sendSealed(): void {
    let job = 0;
    for (let i = 0; i < this.#used; i++) {
      const run = this.#runs[i]!;
      for (let at = 0; at < run.total; at += run.segment) {
        const length = Math.min(run.segment, run.total - at);
        if (this.jobs.ok(job++)) this.#send(run.path, run.start + at, length, length, run.tos);
        else this.#plane.counters[SEAL_FAILED]!++;
      }
    }
  }

  /** Several messages by one call where the system has that: a run is one, or one per packet where the kernel does not cut. */
  #sendRuns(): void {
    const { sendBatch } = this.#plane;
    const { path, start, total, segment, tos } = this.#runs[0]!;
    const single = this.#used === 1 && (path.segmentation || total <= segment);
    if (single) this.#send(path, start, total, segment, tos);
    else if (sendBatch === undefined) this.#sendEach(path, start, total, segment, tos);
    else this.#sendTogether(sendBatch);
  }

  #sendTogether(sendBatch: SendBatch): void {
    const { counters } = this.#plane;
    for (let i = 0; i < this.#used; i++) {
      const { path, start, total, segment, tos } = this.#runs[i]!;
      const step = path.segmentation ? total : segment;
      for (let at = 0; at < total; at += step)
        sendBatch.add(
          path.path,
          start + at,
          Math.min(step, total - at),
          path.segmentation ? segment : 0,
          tos,
        );
    }
    let left = Math.max(0, sendBatch.flush(this.#runs[0]!.path.socket.fd));
    if (left > 0) counters[LoopCounter.udpSends]!++;
    for (let i = 0; i < this.#used; i++) {
      const { path, start, total, segment, tos } = this.#runs[i]!;
      const step = path.segmentation ? total : segment;
      for (let at = 0; at < total; at += step) {
        const length = Math.min(step, total - at);
        // What the call refused goes again by itself, which tells why.
        if (left-- > 0) counters[LoopCounter.udpSendBytes]! += length;
        else this.#send(path, start + at, length, segment, tos);
      }
    }
  }

  #send(path: OuterPath, offset: number, length: number, segment: number, tos: number): void {
    const counters = this.#plane.counters;
    for (let attempt = 0; ; attempt++) {
      const sent = path.socket.send(path.path, offset, length, segment, tos);
      if (sent >= 0) {
        counters[LoopCounter.udpSends]!++;
        counters[LoopCounter.udpSendBytes]! += length;
        return;
      }
      const code = -sent;
      const many = length > segment;
      if (many && (code === Errno.EIO || code === Errno.EINVAL || code === Errno.EMSGSIZE)) {
        // The interface does not segment, or the segments do not fit it: one by one from now on.
        if (code !== Errno.EMSGSIZE) {
          path.segmentation = false;
          counters[LoopCounter.gsoFallbacks]!++;
        }
        this.#sendEach(path, offset, length, segment, tos);
        return;
      }
      const full = code === Errno.EAGAIN || code === Errno.ENOBUFS;
      if (full && attempt < 2 && !this.#gaveUp && this.#waitWritable(path.socket.fd, 2)) continue;
      // A queued ICMP error makes one call fail; the next is to go through.
      if (!full && attempt === 0 && (code === Errno.ECONNREFUSED || code === Errno.EHOSTUNREACH)) continue;
      if (full) this.#gaveUp = true;
      counters[full ? SOCKET_FULL : SOCKET_ERROR]! += Math.ceil(length / segment);
      return;
    }
  }

  /** One call per packet. */
  #sendEach(path: OuterPath, offset: number, length: number, segment: number, tos: number): void {
    for (let at = 0; at < length; at += segment)
      this.#send(path, offset + at, Math.min(segment, length - at), segment, tos);
  }

  #capture({ path, start, total, segment }: Run): void {
    const source = parseAddress(path.path.local)!;
    const destination = parseAddress(path.path.remote)!;
    const ports = path.udp ? { source: path.socket.localPort, destination: path.path.remotePort } : undefined;
    for (let at = 0; at < total; at += segment) {
      const length = Math.min(segment, total - at);
      this.#plane.tap.outer("out", source, destination, ports, start + at, length);
    }
  }
}
