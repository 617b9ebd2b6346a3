/**
 * The gate in front of IKE_SA_INIT requests: half-open limits, cookies (RFC 7296 §2.6), one entry per attempt.
 * Answers from here cost one hash and leave no state.
 */
import type { Instant, Random } from "@tandem/sansio";
import type { IkeLimits } from "./config.ts";
import {
  ERROR_ANSWERS_PER_SECOND,
  HALF_OPEN_COOKIE_THRESHOLD,
  HALF_OPEN_MAX,
  HALF_OPEN_PER_SOURCE_MAX,
} from "./constants.ts";
import { CookieJar } from "./cookie.ts";
import { NotifyType } from "./iana.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Path } from "./ike-sa-host.ts";
import type { DropReason } from "./ike-sa-input.ts";
import { encodeIkeHeader, IKE_HEADER_LENGTH, type IkeHeader } from "./message/header.ts";
import { encodePayloadChain, type Payload } from "./message/payload.ts";
import { notify } from "./message/payloads/notify.ts";

export type Admission =
  | { readonly kind: "admit" }
  | { readonly kind: "drop"; readonly reason: DropReason }
  | { readonly kind: "answer"; readonly reason: DropReason; readonly datagram: Uint8Array };

export class AdmissionGate {
  readonly #halfOpen: Map<string, IkeSa> = new Map();
  readonly #perSource: Map<string, number> = new Map();
  readonly #cookies: CookieJar;
  readonly #threshold: number;
  readonly #max: number;
  readonly #perSourceMax: number;
  #tokens = ERROR_ANSWERS_PER_SECOND;
  #tokensAt: Instant = 0;
  #withheld = 0;

  constructor(random: Random, limits: IkeLimits) {
    this.#cookies = new CookieJar(random);
    this.#threshold = limits.halfOpenCookieThreshold ?? HALF_OPEN_COOKIE_THRESHOLD;
    this.#max = limits.halfOpenMax ?? HALF_OPEN_MAX;
    this.#perSourceMax = limits.halfOpenPerSourceMax ?? HALF_OPEN_PER_SOURCE_MAX;
  }

  /** Half of the way to cookies. */
  get underPressure(): boolean {
    return this.#halfOpen.size * 2 > this.#threshold;
  }

  get size(): number {
    return this.#halfOpen.size;
  }

  known(header: IkeHeader, path: Path): IkeSa | undefined {
    return this.#halfOpen.get(key(header.initiatorSpi, path));
  }

  admit(header: IkeHeader, payloads: readonly Payload[], path: Path, now: Instant): Admission {
    const nonce = payloads.find((p) => p.kind === "Nonce")?.data;
    if (nonce === undefined) return { kind: "drop", reason: "malformed" };
    const busy = this.#halfOpen.size >= this.#threshold;
    let proven = false;
    if (busy) {
      const subject = {
        nonce,
        remote: path.remote,
        remotePort: path.remotePort,
        initiatorSpi: header.initiatorSpi,
      };
      const given = payloads.find((p) => p.kind === "N" && p.type === NotifyType.COOKIE);
      proven = given?.kind === "N" && this.#cookies.check(given.data, subject, now);
      if (!proven) {
        const cookie = this.#cookies.make(subject, now);
        const datagram = statelessAnswer(header, notify(NotifyType.COOKIE, cookie));
        return { kind: "answer", reason: "cookie-wanted", datagram };
      }
    }
    const full = this.#halfOpen.size >= this.#max;
    const sourceFull = (this.#perSource.get(path.remote) ?? 0) >= this.#perSourceMax;
    if (full || (sourceFull && !proven)) return { kind: "drop", reason: "half-open-limit" };
    return { kind: "admit" };
  }

  enter(sa: IkeSa, path: Path): void {
    const k = key(sa.initiatorSpi, path);
    this.#halfOpen.set(k, sa);
    this.#perSource.set(path.remote, (this.#perSource.get(path.remote) ?? 0) + 1);
    this.#keys.set(sa, { key: k, source: path.remote });
  }

  readonly #keys: Map<IkeSa, { readonly key: string; readonly source: string }> = new Map();

  /** It is established, or over. */
  leave(sa: IkeSa): void {
    const entry = this.#keys.get(sa);
    if (entry === undefined) return;
    this.#keys.delete(sa);
    this.#halfOpen.delete(entry.key);
    const left = (this.#perSource.get(entry.source) ?? 1) - 1;
    if (left <= 0) this.#perSource.delete(entry.source);
    else this.#perSource.set(entry.source, left);
  }

  /** Unauthenticated error answers are limited, whoever asks (RFC 7296 §2.21.4). */
  mayAnswerError(now: Instant): boolean {
    this.#tokens = Math.min(
      ERROR_ANSWERS_PER_SECOND,
      this.#tokens + ((now - this.#tokensAt) / 1000) * ERROR_ANSWERS_PER_SECOND,
    );
    this.#tokensAt = now;
    if (this.#tokens < 1) {
      this.#withheld++;
      return false;
    }
    this.#tokens--;
    return true;
  }

  /** Error answers that the limit has swallowed: whoever waits for one cannot conclude from its absence. */
  get answersWithheld(): number {
    return this.#withheld;
  }
}

const key = (initiatorSpi: string, path: Path): string => `${initiatorSpi} ${path.remote} ${path.remotePort}`;

/** An unprotected response with one notify: SPIs, exchange type and message ID are copied (RFC 7296 §1.5, §2.6). */
export function statelessAnswer(header: IkeHeader, payload: Payload): Uint8Array {
  const { first, bytes } = encodePayloadChain([payload]);
  const message = new Uint8Array(IKE_HEADER_LENGTH + bytes.length);
  message.set(
    encodeIkeHeader(
      { ...header, nextPayload: first, fromInitiator: !header.fromInitiator, response: true },
      message.length,
    ),
  );
  message.set(bytes, IKE_HEADER_LENGTH);
  return message;
}
