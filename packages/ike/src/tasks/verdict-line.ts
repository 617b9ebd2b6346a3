/** A refusal's lines as the one line that status shows: the verdict, where the two sides come closest, and the cure. */
export function verdictLine(lines: readonly string[]): string {
  const [verdict = "", ...details] = lines;
  return [verdict, ...details.filter((line) => /^(closest pair|cure)/.test(line))].join("; ");
}
