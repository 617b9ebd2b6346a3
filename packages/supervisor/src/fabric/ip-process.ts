/**
 * One long-lived `ip -batch -`: a change costs a write to a pipe and the system calls, about 0.3 ms, instead of a
 * process start. The end of a batch is seen by the answer to a question that only prints one line.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";

/** Answered with exactly one line: "32766:\tfrom all lookup main". */
const QUESTION = "rule show pref 32766\n";

interface Pending {
  resolve(complaints: string): void;
  reject(error: Error): void;
}

export class IpProcess {
  #child: ChildProcessWithoutNullStreams | undefined;
  #pending: Pending[] = [];
  #complaints = "";

  /** Runs the lines in order; a line that fails does not stop the others. Resolves to what `ip` complained about. */
  run(lines: readonly string[]): Promise<string> {
    if (lines.length === 0) return Promise.resolve("");
    const child = this.#start();
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      child.stdin.write(`${lines.join("\n")}\n${QUESTION}`);
    });
  }

  close(): void {
    this.#child?.stdin.end();
  }

  #start(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child;
    const child = spawn("ip", ["-force", "-batch", "-"]);
    this.#child = child;
    child.stdin.on("error", () => {});
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints += text;
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const answers = text.split("\n").length - 1;
      // What was complained about before the answer was written is in the other pipe by now.
      setImmediate(() => {
        const complaints = this.#complaints.trim();
        this.#complaints = "";
        for (let i = 0; i < answers; i++) this.#pending.shift()?.resolve(complaints);
      });
    });
    const ended = (reason: string): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      const pending = this.#pending;
      this.#pending = [];
      for (const p of pending) p.reject(new Error(`ip: ${this.#complaints.trim() || reason}`));
      this.#complaints = "";
    };
    child.on("error", (error) => ended(error.message));
    child.on("close", (status) => ended(`ended with status ${status}`));
    return child;
  }
}

/** `ip -json ARGS`, parsed. */
export function ipQuery(args: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    execFile("ip", ["-json", ...args], { maxBuffer: 16 << 20 }, (error, stdout) => {
      if (error !== null) return reject(error);
      resolve(stdout.trim() === "" ? [] : JSON.parse(stdout));
    });
  });
}
