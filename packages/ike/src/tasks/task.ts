/**
 * How an exchange is written down: as a procedure that reads like the RFC's prose. It yields what it needs,
 * an expensive computation or an answer from the peer, and is resumed with it; in between the engine does other work.
 *
 *      function* rekey(sa) {
 *        const pair = yield* compute(generateKeyPair);      ── crypto-job ──▶ … ──▶ crypto-result
 *        const response = yield* exchange(request);         ── transmit ──▶ … ──▶ datagram
 *        …
 *      }
 *
 * A procedure holds no timers: the window repeats its request, and when the peer stays silent the IKE SA ends and the
 * procedure with it. Failures are returned, never thrown.
 */
import type { CryptoJob, CryptoResult } from "@tandem/crypto";
import type { DownCause } from "../events.ts";
import type { IkeMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";

export type Step =
  | { readonly kind: "crypto"; readonly job: CryptoJob }
  | {
      readonly kind: "exchange";
      readonly exchangeType: number;
      readonly payloads: readonly Payload[];
      /** Outside of the window: message ID 0 again (RFC 6311 §4). */
      readonly synchronises?: boolean;
    };

export type Answer = CryptoResult | IkeMessage;

export type Procedure<T> = Generator<Step, T, Answer>;

/** What a whole task came to. `cause` tells the caller's logic what to do, `reason` tells people. */
export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly cause: DownCause; readonly reason: string };

export const DONE: Outcome = { ok: true };
export const failed = (cause: DownCause, reason: string): Outcome & { ok: false } => ({
  ok: false,
  cause,
  reason,
});

type ResultOf<K extends CryptoJob["kind"]> = Extract<CryptoResult, { kind: K }>;
export type JobFailed = Extract<CryptoResult, { kind: "failed" }>;

/** Has `job` done; the result is of its kind, or `failed`. */
export function* compute<J extends CryptoJob>(job: J): Procedure<ResultOf<J["kind"]> | JobFailed> {
  return (yield { kind: "crypto", job }) as ResultOf<J["kind"]> | JobFailed;
}

/** Sends a request in the next free message ID and waits for its response. */
export function* exchange(exchangeType: number, payloads: readonly Payload[]): Procedure<IkeMessage> {
  return (yield { kind: "exchange", exchangeType, payloads }) as IkeMessage;
}

/** What an IKE SA may have to do on its own account; one at a time, in the order of `urgency`. */
export type Task =
  | { readonly kind: "initiate" }
  | { readonly kind: "message-id-sync" }
  | { readonly kind: "delete-ike"; readonly cause: DownCause; readonly reason: string }
  | {
      readonly kind: "delete-child";
      readonly spiIn: number;
      readonly cause: DownCause;
      readonly reason: string;
    }
  | { readonly kind: "rekey-child"; readonly spiIn: number }
  | { readonly kind: "rekey-ike" }
  | { readonly kind: "create-child"; readonly policy: string; readonly replaces?: string }
  /** Tells the peer that it sends ESP with an SPI that is not ours. */
  | { readonly kind: "invalid-spi"; readonly spi: number }
  | { readonly kind: "liveness" };

export const URGENCY: Readonly<Record<Task["kind"], number>> = {
  initiate: 0,
  "message-id-sync": 0,
  "delete-ike": 1,
  "delete-child": 2,
  "rekey-child": 3,
  "rekey-ike": 4,
  "create-child": 5,
  "invalid-spi": 6,
  liveness: 7,
};
