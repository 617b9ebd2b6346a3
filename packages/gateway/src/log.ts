/** Structured log: one JSON object per line on standard output. Secrets never get here (DESIGN §8). */
export type LogLevel = "debug" | "info" | "warn" | "error";

export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** `write` takes whole lines; `wallClock` is milliseconds since the Unix epoch. */
export function jsonLog(node: string, write: (line: string) => void, wallClock: () => number): Log {
  return (level, message, fields) => {
    write(`${JSON.stringify({ at: wallClock(), level, node, message, ...fields })}\n`);
  };
}

export const silentLog: Log = () => {};
