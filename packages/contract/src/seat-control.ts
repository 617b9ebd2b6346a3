/**
 * Parameters of the methods by which the supervisor moves seats between instances (control.ts lists the methods).
 * A lower epoch than the one an instance has heard of for a seat is refused; the same call again changes nothing.
 */
import { z } from "zod";

/** `seat-take`: host the seat from now on: addresses, sockets, IKE, BGP. Answered when the seat can receive packets. */
export const SeatTake = z.object({
  seat: z.string(),
  epoch: z.number().int(),
  /** The seat's addresses, for an instance that has not hosted it so far. */
  publicIps: z.array(z.string()).min(1),
  bgpIp: z.string(),
  /** `adopt`: go on with the replicated state; `fresh`: negotiate anew (and tell the peers with INITIAL_CONTACT). */
  mode: z.enum(["fresh", "adopt"]).default("fresh"),
  /** Of an adoption: nothing is sent or received before `seat-release` (or half a second). */
  hold: z.boolean().default(false),
});

/** `seat-drop`: stop using the seat at once. Answered when no packet of this seat can leave any more. */
export const SeatDrop = z.object({
  seat: z.string(),
  epoch: z.number().int().describe("the epoch that supersedes ours"),
  /** Send DELETE and NOTIFICATION before going (planned, not replicated). */
  farewell: z.boolean().default(false),
});

/** `drain`: withdraw the seat's routes from its peers, keep its SAs open for what still comes in. `off` takes it back. */
export const SeatDrain = z.object({ seat: z.string(), off: z.boolean().default(false) });

/**
 * `seat-quiesce`: the seat is about to go, or (`final`) has just gone, to the partner: answered when what stands in the
 * queues here has been sent and delivered, and with `final` when the partner knows what was received. `off`: it stays.
 */
export const SeatQuiesce = z.object({
  seat: z.string(),
  final: z.boolean().default(false),
  off: z.boolean().default(false),
});

/** `seat-release`: the fabric has changed: a seat that was taken with `hold` is used from now on. */
export const SeatRelease = z.object({ seat: z.string() });

/** `ping`: answered at once by the main thread after the data-plane worker has answered it; what health is judged by. */
export const PingResult = z.object({
  pid: z.number(),
  /** `/proc/self/ns/pid`: a pid means something only to a process of the same namespace (containers have their own). */
  pidNamespace: z.string().optional(),
  /** When it began, ms since the Unix epoch: in containers every process is pid 1, and this tells them apart. */
  startedAt: z.number().optional(),
  seats: z.array(z.object({ name: z.string(), epoch: z.number() })),
  /** Unprotected IKE error answers that were not given since there were too many: a flood may have taken a probe's answer. */
  answersWithheld: z.number().optional(),
});

export type SeatTake = z.infer<typeof SeatTake>;
export type SeatDrop = z.infer<typeof SeatDrop>;
export type SeatDrain = z.infer<typeof SeatDrain>;
export type PingResult = z.infer<typeof PingResult>;
