/**
 * Methods of the fabric agent: status -> FabricStatus, ping, set-owner(SetOwner) -> SetOwnerAnswer, drain(FabricDrain),
 * prepare-owner(PrepareOwner),
 * subscribe (FabricPortEvent for every port now, then for every change).
 * A command with an epoch lower than the seat's is refused; the same command again changes nothing.
 */
import { z } from "zod";

export const SetOwner = z.object({
  seat: z.string(),
  owner: z.string().nullable().describe("null: nobody; packets for the seat are dropped"),
  epoch: z.number().int(),
  drained: z.boolean().default(false).describe("start outside the VNet's spread, until `drain` with off"),
});

/** Takes a seat out of the VNet's spread (its public IP stays with its owner), or puts it back. */
export const FabricDrain = z.object({ seat: z.string(), off: z.boolean().default(false) });

/** VNet flows of the seat go to `owner` already, who is about to own it; for a second at most. */
export const PrepareOwner = z.object({ seat: z.string(), owner: z.string() });

export const FabricSeatState = z.object({
  name: z.string(),
  publicIp: z.string(),
  bgpIp: z.string(),
  owner: z.string().nullable(),
  epoch: z.number(),
  drained: z.boolean(),
});

export const FabricStatus = z.object({
  name: z.string(),
  pid: z.number(),
  seats: z.array(FabricSeatState),
  filter: z.string().describe("how seat addresses are filtered per port"),
});

/** Pushed to subscribers as `{ event }`: whether an instance answers on one of its two links. */
export const FabricPortEvent = z.object({
  event: z.literal("fabric.port"),
  instance: z.string(),
  side: z.enum(["outside", "inside"]),
  up: z.boolean(),
});

export const SetOwnerAnswer = z.object({
  changed: z.boolean(),
  epoch: z.number(),
  milliseconds: z.number().describe("from the command to the kernel's tables"),
});

export type SetOwner = z.input<typeof SetOwner>;
export type FabricStatus = z.infer<typeof FabricStatus>;
export type FabricPortEvent = z.infer<typeof FabricPortEvent>;
export type FabricSeatState = z.infer<typeof FabricSeatState>;
export type SetOwnerAnswer = z.infer<typeof SetOwnerAnswer>;
