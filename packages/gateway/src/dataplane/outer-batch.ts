/**
 * Sealed packets on their way out: equal-sized ones to one peer leave in one UDP_SEGMENT call.
 *
 *      out region   │ seg │ seg │ seg │ short │ seg │ seg │ ... free ...
 *                   └──── batch (sent) ───────┘└── open ──┘
 *
 * A batch holds at most 64 segments (what older kernels allow) and 65,400 bytes; a shorter packet ends it; another peer, size or TOS starts the next.
 * Packets of one peer leave in the order they came. Nothing waits past the end of a turn.
 */
import { CipherJobs, DropReason, MAX_JOBS } from "@tandem/esp";
import { Errno } from "@tandem/linux";
import { parseAddress } from "@tandem/wire";
import type { Plane } from "./plane.ts";
import { LoopCounter } from "./shared-counters.ts";
import type { OuterPath } from "./tunnel.ts";

/**
 * The kernel would take 65,507 bytes, but hands a super-packet that reaches the device's gso_max_size (65,536 with link,
 * IP and UDP headers) over in segments: four times slower. This leaves room for the longest headers.
 */
const MAX_BATCH = 65400;

const SEAL_FAILED = DropReason["seal-failed"];
const SOCKET_FULL = DropReason["socket-full"];
const SOCKET_ERROR = DropReason["socket-error"];

export class OuterBatch {
  /** The packets of the open batch on their way through their cipher; carried out when the batch is sent. */
  readonly jobs: CipherJobs = new CipherJobs();
  readonly #plane: Plane;
  readonly #waitWritable: (fd: number, ms: number) => boolean;
  #path: OuterPath | undefined;
  #tos = 0;
  #start: number;
  #total = 0;
  #segment = 0;
  #count = 0;
  #closed = false;
  /** Set for the rest of a turn in which a socket stayed full, so that the turn does not wait again for every packet. */
  #gaveUp = false;

  /** `waitWritable` waits up to some milliseconds for room in a socket. */
  constructor(plane: Plane, waitWritable: (fd: number, ms: number) => boolean) {
    this.#plane = plane;
    this.#waitWritable = waitWritable;
    this.#start = plane.regions.out;
  }

  /** Offset where the next ESP packet of `length` bytes for this path is to be written; `commit` follows, or nothing. */
  place(path: OuterPath, length: number, tos: number): number {
    if (
      this.#path === path &&
      this.#tos === tos &&
      !this.#closed &&
      length <= this.#segment &&
      this.#count < MAX_JOBS &&
      this.#total + length <= MAX_BATCH
    ) {
      return this.#start + this.#total;
    }
    this.flush();
    this.#path = path;
    this.#tos = tos;
    this.#segment = length;
    return this.#start;
  }

  /** The packet at the place is `length` bytes long. */
  commit(length: number): void {
    this.#total += length;
    this.#count++;
    if (length < this.#segment) this.#closed = true;
  }

  /** Sends what is open. */
  flush(): void {
    const path = this.#path;
    if (path !== undefined && this.#count > 0) {
      this.jobs.run();
      if (this.#sealed()) {
        if (this.#plane.tap.on) this.#capture(path);
        if (path.segmentation) this.#send(path, this.#start, this.#total, this.#segment);
        else this.#sendEach(path, this.#start, this.#total, this.#segment);
      } else this.#sendSealed(path);
    }
    this.#path = undefined;
    this.#total = 0;
    this.#count = 0;
    this.#closed = false;
  }

  endTurn(): void {
    this.flush();
    this.#gaveUp = false;
  }

  #sealed(): boolean {
    for (let job = 0; job < this.#count; job++) if (!this.jobs.ok(job)) return false;
    return true;
  }

  /** The backend failed on some packet, which must never be: those that are sealed go one by one, the others not at all. */
  #sendSealed(path: OuterPath): void {
    for (let job = 0; job < this.#count; job++) {
      const at = job * this.#segment;
      const length = Math.min(this.#segment, this.#total - at);
      if (this.jobs.ok(job)) this.#send(path, this.#start + at, length, length);
      else this.#plane.counters[SEAL_FAILED]!++;
    }
  }

  #send(path: OuterPath, offset: number, length: number, segment: number): void {
    const counters = this.#plane.counters;
    for (let attempt = 0; ; attempt++) {
      const sent = path.socket.send(path.path, offset, length, segment, this.#tos);
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
        this.#sendEach(path, offset, length, segment);
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

  /** Packets of protocol 50 have no segmentation offload: one message each, all by one call where the system has that. */
  #sendEach(path: OuterPath, offset: number, length: number, segment: number): void {
    const { sendBatch, counters } = this.#plane;
    if (sendBatch === undefined || length <= segment) {
      for (let at = 0; at < length; at += segment) {
        this.#send(path, offset + at, Math.min(segment, length - at), segment);
      }
      return;
    }
    for (let at = 0; at < length; at += segment) {
      sendBatch.add(path.path, offset + at, Math.min(segment, length - at), 0, this.#tos);
    }
    const packets = sendBatch.count;
    const sent = Math.max(0, sendBatch.flush(path.socket.fd));
    counters[LoopCounter.udpSends]!++;
    counters[LoopCounter.udpSendBytes]! += sent * segment;
    // What the call refused goes again one by one, which tells why.
    for (let packet = sent; packet < packets; packet++) {
      const at = packet * segment;
      this.#send(path, offset + at, Math.min(segment, length - at), segment);
    }
  }

  #capture(path: OuterPath): void {
    const source = parseAddress(path.path.local)!;
    const destination = parseAddress(path.path.remote)!;
    const ports = path.udp ? { source: path.socket.localPort, destination: path.path.remotePort } : undefined;
    for (let at = 0; at < this.#total; at += this.#segment) {
      const length = Math.min(this.#segment, this.#total - at);
      this.#plane.tap.outer("out", source, destination, ports, this.#start + at, length);
    }
  }
}
