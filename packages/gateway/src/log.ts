/** Structured log: one JSON object per line on standard output. Secrets never get here (DESIGN §8). */
export type LogLevel = "debug" | "info" | "warn" | "error";

export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** `write` takes whole lines; `wallClock` is milliseconds since the Unix epoch. */
export function jsonLog(node: string, write: (line: string) => void, wallClock: () => number): Log {
  return (level, message, fields) => {
    write(`${JSON.stringify({ at: wallClock(), level, node, message, ...fields })}\n`);
  };
}

/**
 * One write for all lines of a turn of the event loop: a write is a system call, and a busy turn has a dozen lines.
 * `flush` is for the process's end.
 */
export function batchedLines(write: (text: string) => void): { write(line: string): void; flush(): void } {
  let waiting = "";
  const flush = (): void => {
    const text = waiting;
    waiting = "";
    if (text !== "") write(text);
  };
  return {
    write(line) {
      if (waiting === "") setImmediate(flush);
      waiting += line;
    },
    flush,
  };
}

export const silentLog: Log = () => {};
