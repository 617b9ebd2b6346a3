/** Says at the end which tests passed at their second attempt only, and what the first one said. */
import type { Reporter, TestCase } from "vitest/node";

export default class SecondAttempts implements Reporter {
  readonly #lines: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return;
    const first = test.result().errors?.[0]?.message ?? "no message";
    this.#lines.push(`  - ${test.fullName}: ${first.split("\n").slice(0, 12).join("\n      ")}`);
  }

  onTestRunEnd(): void {
    if (this.#lines.length === 0) return;
    process.stdout.write(`\nNEEDED A SECOND ATTEMPT:\n${this.#lines.join("\n")}\n`);
  }
}
