/**
 * Reading list: RFC 4271 §4.1, §6.1. Cuts a TCP byte stream into whole messages, wherever it was split.
 * Messages are handed out as (buffer, start, end) without a copy; at most one partial message is kept.
 */
import { HEADER_LENGTH, MAXIMUM_MESSAGE_LENGTH } from "../constants.ts";
import type { BgpError } from "../errors.ts";
import { decodeHeader } from "./header.ts";

/** Returns false to stop: the connection is gone, the rest of the stream is nobody's. */
export type MessageSink = (bytes: Uint8Array, start: number, end: number) => boolean;

export class Framer {
  readonly #partial: Uint8Array = new Uint8Array(MAXIMUM_MESSAGE_LENGTH);
  #held = 0;

  /** Calls `sink` for each whole message, header included. An error ends the stream: its place in it is lost. */
  push(bytes: Uint8Array, sink: MessageSink): BgpError | undefined {
    let at = 0;
    while (this.#held > 0 && at < bytes.length) {
      const want = this.#held < HEADER_LENGTH ? HEADER_LENGTH : this.#partialLength();
      if (typeof want !== "number") return want;
      const take = Math.min(want - this.#held, bytes.length - at);
      this.#partial.set(bytes.subarray(at, at + take), this.#held);
      this.#held += take;
      at += take;
      if (this.#held < HEADER_LENGTH) return undefined;
      const length = this.#partialLength();
      if (typeof length !== "number") return length;
      if (this.#held < length) continue;
      this.#held = 0;
      if (!sink(this.#partial, 0, length)) return undefined;
    }
    while (bytes.length - at >= HEADER_LENGTH) {
      const length = decodeHeader(bytes, at);
      if (typeof length !== "number") return length;
      if (bytes.length - at < length) break;
      if (!sink(bytes, at, at + length)) return undefined;
      at += length;
    }
    if (at < bytes.length) {
      this.#partial.set(bytes.subarray(at), this.#held);
      this.#held += bytes.length - at;
    }
    return undefined;
  }

  #partialLength(): number | BgpError {
    return decodeHeader(this.#partial, 0);
  }
}
