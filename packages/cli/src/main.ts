/** `tandem VERB ...`: finds the verb, parses its words, prints its failure as one message with a cure. */
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Invocation, UsageError, type Verb } from "./verb.ts";
import { VERBS } from "./verb-table.ts";

/** What helps against the system's own refusals. */
const CURE_OF: Readonly<Record<string, string>> = {
  ENOENT: "give the path of a file that is there",
  EACCES:
    "use files that you may read and write; labs are kept in $TANDEM_STATE, by default ~/.local/state/tandem",
  EROFS:
    "labs are kept in $TANDEM_STATE, by default ~/.local/state/tandem: choose a folder that can be written",
  ENOSPC: "the disk is full: free some space, or choose another with TANDEM_STATE=FOLDER",
};

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

async function main(words: readonly string[]): Promise<number> {
  const first = words[0];
  if (first === undefined || first === "help" || first === "--help" || first === "-h") {
    const { printHelp } = await import("./help.ts");
    return await printHelp(words.slice(1));
  }
  const found = findVerb(words);
  if (found === undefined) {
    const { unknownVerb } = await import("./help.ts");
    process.stderr.write(unknownVerb(words));
    return EXIT_USAGE;
  }
  const { verb } = await found.load();
  if (found.rest.some((word, index) => isHelp(word) && !isPassedThrough(verb, found.rest, index))) {
    const { printHelp } = await import("./help.ts");
    return await printHelp([found.name]);
  }
  try {
    return await verb.run(parse(verb, found.rest));
  } catch (error) {
    return report(error, found.name);
  }
}

function findVerb(words: readonly string[]) {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (entry !== undefined) return { name, load: entry.load, rest: words.slice(length) };
  }
  return undefined;
}

const isHelp = (word: string): boolean => word === "--help" || word === "-h";

/** Words of the command that `lab exec` runs are not ours. */
function isPassedThrough(verb: Verb, words: readonly string[], index: number): boolean {
  return verb.passThrough === true && firstPositional(verb, words) < index;
}

const MOST_WORDS = 1;

function parse(verb: Verb, words: readonly string[]): Invocation {
  const invocation = parseWords(verb, words);
  const extra = invocation.positionals[verb.mostWords ?? MOST_WORDS];
  if (extra !== undefined && verb.passThrough !== true) throw new UsageError(`"${extra}" is a word too many`);
  return invocation;
}

function parseWords(verb: Verb, words: readonly string[]): Invocation {
  const split = verb.passThrough === true ? firstPositional(verb, words) + 1 : words.length;
  try {
    const { values, positionals } = parseArgs({
      args: words.slice(0, split),
      options: verb.options,
      allowPositionals: true,
      strict: true,
    });
    const rest = words.slice(split);
    const passed = verb.passThrough === true && rest[0] === "--" ? rest.slice(1) : rest;
    return { values: values as Invocation["values"], positionals: [...positionals, ...passed] };
  } catch (error) {
    throw new UsageError(
      error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error),
    );
  }
}

/** Index of the first word that is neither an option nor an option's value; the number of words when there is none. */
function firstPositional(verb: Verb, words: readonly string[]): number {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) return index;
    const option = verb.options[word.replace(/^--/, "")];
    if (option?.type === "string") index++;
  }
  return words.length;
}

function report(error: unknown, verb: string): number {
  if (error instanceof UsageError) {
    process.stderr.write(`tandem ${verb}: ${error.message}\n  see: ./tandem help ${verb}\n`);
    return EXIT_USAGE;
  }
  if (!(error instanceof Error)) {
    process.stderr.write(`tandem ${verb}: ${String(error)}\n`);
    return EXIT_FAILURE;
  }
  // An expected failure carries its cure (LabError), or is the system's; anything else is a fault of ours and shows where.
  const expected = error.name === "LabError" || "syscall" in error;
  process.stderr.write(`tandem ${verb}: ${expected ? error.message : (error.stack ?? error.message)}\n`);
  const cure =
    "cure" in error && typeof error.cure === "string"
      ? error.cure
      : CURE_OF["code" in error ? String(error.code) : ""];
  if (cure !== undefined) process.stderr.write(`  cure: ${cure}\n`);
  return EXIT_FAILURE;
}

// A closed pipe (`tandem events | head`) ends the program without a word.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const cache = process.env.XDG_CACHE_HOME;
enableCompileCache(
  join(cache !== undefined && cache !== "" ? cache : join(homedir(), ".cache"), "tandem", "compile-cache"),
);
process.exitCode = await main(process.argv.slice(2));
