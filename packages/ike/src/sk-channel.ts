/**
 * The protected channel of one IKE SA: its keys in both directions, initialisation vectors out of reserved blocks
 * (DESIGN §3), fragmentation of what is sent and reassembly of what comes.
 */
import { isAead, ivLength } from "@tandem/crypto";
import type { Instant, Random } from "@tandem/sansio";
import { addressFamily } from "@tandem/wire";
import { IV_BLOCK } from "./constants.ts";
import type { IkeKeys, IkeSuite } from "./exported-ike-sa.ts";
import { Reassembly, splitOctets } from "./fragmentation.ts";
import {
  type OpenedMessage,
  openMessage,
  protectionOverhead,
  type SkKeys,
  sealMessage,
  splitSalt,
} from "./message/encrypted.ts";
import type { IkeHeaderFields } from "./message/header.ts";
import { encodePayloadChain, type Payload, type PayloadChain } from "./message/payload.ts";

const UDP_HEADER_LENGTH = 8;
const NON_ESP_MARKER_LENGTH = 4;

export class SkChannel {
  readonly suite: IkeSuite;
  readonly keys: IkeKeys;
  readonly #out: SkKeys;
  readonly #in: SkKeys;
  readonly #random: Random;
  readonly #reassembly: { readonly request: Reassembly; readonly response: Reassembly };
  #nextIv: number;
  #ivReservedUpTo: number;

  constructor(suite: IkeSuite, keys: IkeKeys, initiator: boolean, random: Random, firstIv = 0) {
    this.suite = suite;
    this.keys = keys;
    this.#random = random;
    const i = skKeys(suite, keys.ei, keys.ai);
    const r = skKeys(suite, keys.er, keys.ar);
    this.#out = initiator ? i : r;
    this.#in = initiator ? r : i;
    this.#nextIv = firstIv;
    this.#ivReservedUpTo = firstIv + IV_BLOCK;
    this.#reassembly = { request: new Reassembly(), response: new Reassembly() };
  }

  /** Whoever adopts the SA starts here. Read after `seal`, so that it covers what was just sealed. */
  get ivReservedUpTo(): number {
    return this.#ivReservedUpTo;
  }

  /** One datagram, or several SKF ones when the message is larger than `ipSize` and `fragment` allows it. */
  seal(
    header: Omit<IkeHeaderFields, "nextPayload">,
    payloads: readonly Payload[],
    fragment: boolean,
    ipSize: number,
    local: string,
  ): Uint8Array[] {
    const { first, bytes } = encodePayloadChain(payloads);
    const ipHeader = addressFamily(local) === 4 ? 20 : 40;
    const room =
      ipSize - ipHeader - UDP_HEADER_LENGTH - NON_ESP_MARKER_LENGTH - protectionOverhead(this.suite);
    if (!fragment || bytes.length <= room) return [sealMessage(header, this.#out, this.#iv(), first, bytes)];
    const pieces = splitOctets(bytes, Math.max(room, 64));
    return pieces.map((piece, i) =>
      sealMessage(header, this.#out, this.#iv(), i === 0 ? first : 0, piece, {
        number: i + 1,
        total: pieces.length,
      }),
    );
  }

  open(bytes: Uint8Array, part: NonNullable<PayloadChain["protectedPart"]>): OpenedMessage {
    return openMessage(bytes, part, this.#in);
  }

  reassembly(response: boolean): Reassembly {
    return response ? this.#reassembly.response : this.#reassembly.request;
  }

  nextTimeout(): Instant | undefined {
    const a = this.#reassembly.request.nextTimeout();
    const b = this.#reassembly.response.nextTimeout();
    return a === undefined ? b : b === undefined ? a : Math.min(a, b);
  }

  #iv(): Uint8Array {
    const length = ivLength(this.suite.encryption);
    // CBC wants unpredictable ones (RFC 7296 §3.14); AEADs want different ones (RFC 5282 §3.1).
    if (length !== 8 || this.suite.integrity !== "none") return this.#random.bytes(length);
    const iv = this.#nextIv++;
    if (this.#nextIv >= this.#ivReservedUpTo) this.#ivReservedUpTo += IV_BLOCK;
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Math.floor(iv / 2 ** 32));
    view.setUint32(4, iv % 2 ** 32);
    return bytes;
  }
}

function skKeys(suite: IkeSuite, encryption: Uint8Array, integrity: Uint8Array): SkKeys {
  const keys = { choice: suite, encryption, integrity };
  return isAead(suite.encryption) ? { ...keys, aead: splitSalt(keys) } : keys;
}
