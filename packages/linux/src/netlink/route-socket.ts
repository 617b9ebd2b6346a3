/**
 * NETLINK_ROUTE, asked and answered synchronously: the kernel does the work inside send, so the answer is there when it
 * returns. Tens of microseconds per change, without a fork: for failover.
 */
import { createArena, type OwnedArena } from "../arena.ts";
import { Errno } from "../errno.ts";
import { close, errno, O_CLOEXEC, recv, send, socket } from "../libc.ts";
import { LinuxError } from "../linux-error.ts";
import { trySetOption } from "../socket-option.ts";
import {
  decodeAttributes,
  decodeReplies,
  encodeRequest,
  NetlinkFlag,
  type NetlinkReply,
  type NetlinkRequest,
  NLMSG_DONE,
  NLMSG_ERROR,
  readText,
} from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const SEND_AT = 0;
const RECEIVE_AT = 256 << 10;
const RECEIVE_LENGTH = 256 << 10;

/** nlmsgerr: error i32, the request's header 16, then (flag 0x200) attributes with the kernel's own words. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export class RouteSocket {
  readonly #fd: number;
  readonly #arena: OwnedArena;
  #sequence = 0;

  /** Belongs to the network namespace of the thread at this moment. */
  constructor() {
    this.#fd = socket(AF_NETLINK, SOCK_RAW | O_CLOEXEC, NETLINK_ROUTE);
    if (this.#fd < 0) throw new LinuxError("socket", errno(), "netlink route socket");
    trySetOption(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    trySetOption(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    this.#arena = createArena(512 << 10);
  }

  /** Makes one change; throws a LinuxError with the kernel's own words when it is refused. */
  change(request: NetlinkRequest): void {
    const failure = this.changeAll([request])[0];
    if (failure !== undefined) throw failure;
  }

  /**
   * Sends all changes in one call, in order; a refused one does not stop the next. Returns one entry per change, undefined
   * where it was made.
   */
  changeAll(requests: readonly NetlinkRequest[]): (LinuxError | undefined)[] {
    const first = this.#sequence + 1;
    const results = new Array<LinuxError | undefined>(requests.length);
    this.#send(requests.map((request) => ({ ...request, flags: request.flags | NetlinkFlag.ack })));
    for (let waiting = requests.length; waiting > 0; ) {
      for (const reply of this.#receive()) {
        const index = reply.sequence - first;
        const request = requests[index];
        if (reply.type !== NLMSG_ERROR || request === undefined) continue;
        results[index] = failureOf(reply, request.what);
        waiting--;
      }
    }
    return results;
  }

  /** Payloads of all answers to a dump. */
  dump(request: NetlinkRequest): Uint8Array[] {
    this.#send([{ ...request, flags: request.flags | NetlinkFlag.dump }]);
    const payloads: Uint8Array[] = [];
    for (;;) {
      for (const reply of this.#receive()) {
        if (reply.sequence !== this.#sequence) continue;
        if (reply.type === NLMSG_DONE) return payloads;
        if (reply.type === NLMSG_ERROR) {
          const failure = failureOf(reply, request.what);
          if (failure !== undefined) throw failure;
          return payloads;
        }
        payloads.push(reply.payload);
      }
    }
  }

  close(): void {
    close(this.#fd);
  }

  #send(requests: readonly NetlinkRequest[]): void {
    let at = SEND_AT;
    for (const request of requests) {
      const bytes = encodeRequest(request, ++this.#sequence);
      if (at + bytes.length > RECEIVE_AT) throw new RangeError("too many changes for one netlink call");
      this.#arena.bytes.set(bytes, at);
      at += (bytes.length + 3) & ~3;
    }
    if (send(this.#fd, this.#arena.base + SEND_AT, at - SEND_AT, 0) < 0) {
      throw new LinuxError("send", errno(), `netlink: ${requests[0]?.what ?? "nothing"}`);
    }
  }

  #receive(): NetlinkReply[] {
    for (;;) {
      const length = recv(this.#fd, this.#arena.base + RECEIVE_AT, RECEIVE_LENGTH, 0);
      if (length >= 0) return decodeReplies(this.#arena.bytes.subarray(RECEIVE_AT, RECEIVE_AT + length));
      const code = errno();
      if (code !== Errno.EINTR) throw new LinuxError("recv", code, "netlink route socket");
    }
  }
}

function failureOf(reply: NetlinkReply, what: string): LinuxError | undefined {
  const { payload, flags } = reply;
  if (payload.length < 4) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const code = view.getInt32(0, true);
  if (code === 0) return undefined;
  let words: string | undefined;
  if (flags & NLM_F_ACK_TLVS && payload.length >= 20) {
    const echoed = flags & NLM_F_CAPPED ? 16 : view.getUint32(4, true);
    words = readText(decodeAttributes(payload.subarray(4 + ((echoed + 3) & ~3))).get(NLMSGERR_ATTR_MSG));
  }
  return new LinuxError("netlink", code, what, words === undefined ? undefined : `the kernel says: ${words}`);
}
