/**
 * iproute2 as the way to change routes, rules and addresses: one child process for a whole batch.
 * Batches run one after the other, so that what is asked first is done first.
 */
import { spawn } from "node:child_process";

export interface IpCommand {
  /**
   * Runs the lines in order, those that start with "-4 " or "-6 " family by family. With `force`, a line that fails
   * does not stop the others and is not an error.
   */
  batch(lines: readonly string[], options?: { readonly force?: boolean }): Promise<void>;
  /** `ip -json ...`, parsed. */
  query(args: readonly string[]): Promise<unknown>;
}

/** A batch has no options per line: a family is an option of the whole. */
const FAMILY = /^(-[46]) /;

/** What iproute2 said, and what helps where that is known. */
export class IpCommandError extends Error {
  constructor(text: string) {
    const cure = /not permitted/i.test(text)
      ? "; run it as root, with CAP_NET_ADMIN and CAP_NET_RAW, or in a user namespace that owns the network namespace"
      : "";
    super(`${text}${cure}`);
    this.name = "IpCommandError";
  }
}

export function systemIpCommand(): IpCommand {
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };
  const runBatch = async (family: string, lines: readonly string[], force: boolean): Promise<void> => {
    if (lines.length === 0) return;
    const args = [...(family === "" ? [] : [family]), ...(force ? ["-force"] : []), "-batch", "-"];
    const { status, errors } = await run(args, `${lines.join("\n")}\n`);
    if (status === 0 || force) return;
    const line = /Command failed -:(\d+)/.exec(errors)?.[1];
    const command = line === undefined ? "" : ` at "ip ${family} ${lines[Number(line) - 1]}"`;
    throw new IpCommandError(`ip -batch failed${command}: ${errors.replace(/Command failed.*/s, "").trim()}`);
  };
  return {
    batch: (lines, options) =>
      inOrder(async () => {
        for (const family of ["", "-4", "-6"]) {
          const own = lines.filter((line) => (FAMILY.exec(line)?.[1] ?? "") === family);
          await runBatch(
            family,
            own.map((line) => line.replace(FAMILY, "")),
            options?.force === true,
          );
        }
      }),
    query: (args) =>
      inOrder(async () => {
        const { status, output, errors } = await run(["-json", ...args], "");
        if (status !== 0) throw new IpCommandError(`ip ${args.join(" ")} failed: ${errors.trim()}`);
        return output.trim() === "" ? [] : JSON.parse(output);
      }),
  };
}

function run(
  args: readonly string[],
  input: string,
): Promise<{ status: number; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("ip", args, { stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(missing ? new IpCommandError("there is no ip command here; install iproute2") : error);
    });
    child.stdin.on("error", () => {});
    child.on("close", (status) => resolve({ status: status ?? 1, output, errors }));
    child.stdin.end(input);
  });
}
