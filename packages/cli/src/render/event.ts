/** One event on one line. */
import type { TandemEvent } from "@tandem/contract";
import { dim, yellow } from "./colour.ts";

export function renderEvent(event: TandemEvent): string {
  const where = [event.connection, event.seat, event.remote].filter((part) => part !== undefined).join(" ");
  const simulated = event.simulated === true ? yellow(" (simulated)") : "";
  const cloud = event.operationName === undefined ? "" : dim(` [${event.operationName}]`);
  return `${clock(event.at)}  ${event.node.padEnd(12)} ${event.event.padEnd(18)} ${where === "" ? "" : `${where}: `}${event.message}${simulated}${cloud}`;
}

/** Local time with milliseconds. */
export function clock(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
