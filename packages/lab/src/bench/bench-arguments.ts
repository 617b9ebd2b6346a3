/** The options of a benchmark: `--help` tells them, a wrong one is named with what is accepted, and exit status 2. */
import { type ParseArgsConfig, parseArgs } from "node:util";

export interface BenchHelp {
  /** As it is typed behind `./tandem bench`. */
  readonly name: string;
  readonly about: string;
  /** Option as it is typed, with its value: what it does. */
  readonly options: Readonly<Record<string, string>>;
}

export function benchArguments<const T extends ParseArgsConfig>(
  help: BenchHelp,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  const argv = process.argv.slice(2);
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpText(help));
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const known = Object.keys(help.options).join(", ");
    process.stderr.write(`${error.message.split(". ")[0]}\ncure: bench ${help.name} takes ${known}\n`);
    process.exit(2);
  }
}

export function helpText({ name, about, options }: BenchHelp): string {
  const width = Math.max(...Object.keys(options).map((option) => option.length)) + 2;
  const lines = Object.entries(options).map(([option, what]) => `  ${option.padEnd(width)}${what}\n`);
  return `./tandem bench ${name} [options]\n\n${about}\n\n${lines.join("")}`;
}
