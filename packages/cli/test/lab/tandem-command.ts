/** The command line as the tests run it, with a state folder of its own. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const MAIN: string = join(import.meta.dirname, "..", "..", "src", "main.ts");

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A state folder of its own; `close` brings every lab in it down. */
export class TandemCommand {
  readonly state: string = mkdtempSync(join(tmpdir(), "tandem-lab-"));
  readonly #env: NodeJS.ProcessEnv;

  constructor() {
    chmodSync(this.state, 0o755);
    this.#env = { ...process.env, TANDEM_STATE: this.state };
    delete this.#env.CI;
  }

  run(...words: string[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...words], {
        env: this.#env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.once("error", reject);
      child.once("close", (status) => resolve({ status, stdout, stderr }));
    });
  }

  /** Standard output; throws with everything that was printed when the status is not 0. */
  async expect(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...words);
    if (status !== 0) throw new Error(`tandem ${words.join(" ")}: status ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.expect(...words, "--json")) as T;
  }

  /** What `validate` found wrong: empty when every check of the topology passed. */
  async failures(...words: string[]): Promise<string[]> {
    const { stdout, stderr } = await this.run("validate", ...words, "--json");
    if (stdout === "") return [stderr];
    const { results } = JSON.parse(stdout) as { results: { name: string; failure?: string }[] };
    return results
      .filter(({ failure }) => failure !== undefined)
      .map(({ name, failure }) => `${name}: ${failure}`);
  }

  async close(): Promise<void> {
    await this.run("lab", "down", "--all");
    rmSync(this.state, { recursive: true, force: true });
  }
}
