/** Says at the end which tests passed at their second attempt only, and what the first one said. */
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase } from "vitest/node";

const MOST_LINES = 16;

export default class SecondAttempts implements Reporter {
  readonly #lines: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return;
    const first = test.result().errors?.[0];
    const text = stripVTControlCharacters(`${first?.message ?? "no message"}\n${first?.diff ?? ""}`.trim());
    this.#lines.push(`  - ${test.fullName}: ${text.split("\n").slice(0, MOST_LINES).join("\n      ")}`);
  }

  onTestRunEnd(): void {
    if (this.#lines.length === 0) return;
    process.stdout.write(`\nNEEDED A SECOND ATTEMPT:\n${this.#lines.join("\n")}\n`);
  }
}
