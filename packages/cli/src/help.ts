/** `tandem help [VERB]`. */
import type { Verb } from "./verb.ts";
import { GROUPS, VERBS, type VerbEntry } from "./verb-table.ts";

export async function printHelp(words: readonly string[]): Promise<number> {
  const name = words.join(" ");
  if (name === "") {
    process.stdout.write(overview());
    return 0;
  }
  const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (entry !== undefined) {
    const { verb } = await entry.load();
    process.stdout.write(verbHelp(verb));
    return 0;
  }
  const family = Object.keys(VERBS).filter((verb) => verb.startsWith(`${name} `));
  if (family.length > 0) {
    process.stdout.write(`${family.map(summaryLine).join("\n")}\n`);
    return 0;
  }
  process.stderr.write(unknownVerb(words));
  return 2;
}

export function unknownVerb(words: readonly string[]): string {
  const family = Object.keys(VERBS).filter((verb) => verb.startsWith(`${words[0]} `));
  if (family.length > 0) {
    const second = words[1];
    const problem = second === undefined ? "which?" : `there is no "${words[0]} ${second}"`;
    return `tandem ${words[0]}: ${problem}\n${family.map(summaryLine).join("\n")}\n`;
  }
  const near = Object.keys(VERBS).filter(
    (verb) => distance(verb, words.slice(0, 2).join(" ")) <= 2 || distance(verb, words[0] ?? "") <= 2,
  );
  const hint = near.length === 0 ? "" : ` Did you mean ${near.map((verb) => `"${verb}"`).join(" or ")}?`;
  return `tandem: there is no verb "${words[0]}".${hint}\n  see: ./tandem help\n`;
}

/** Column of what an option does, where none of the verb's options is longer. */
const NARROWEST = 18;

function overview(): string {
  const sections = Object.entries(GROUPS).map(([group, title]) => {
    const lines = Object.keys(VERBS).filter((name) => VERBS[name]?.group === (group as VerbEntry["group"]));
    return `${title}\n${lines.map(summaryLine).join("\n")}`;
  });
  return `Tandem: a VPN gateway pair on your own machine, with real tunnels, real BGP and real failover.

  npm run lab                          the default lab, with traffic and a live screen
  ./tandem lab up site-to-site         one tunnel, the smallest lab
  ./tandem status                      what is up, and what is not, and why
  ./tandem kill gw/IN_0                break something
  ./tandem lab down                    leave nothing behind

${sections.join("\n\n")}

./tandem help VERB tells more. Most verbs take --name NAME and --json.
`;
}

function summaryLine(name: string): string {
  return `  ${name.padEnd(18)} ${VERBS[name]?.summary ?? ""}`;
}

function verbHelp(verb: Verb): string {
  const words = Object.entries(verb.options).map(([name, { value, about }]) => ({
    left: `--${name}${value === undefined ? "" : ` ${value}`}`,
    about,
  }));
  const width = Math.max(NARROWEST, ...words.map(({ left }) => left.length));
  const options = words.map(({ left, about }) => `  ${left.padEnd(width)}  ${about}`);
  const examples = verb.examples ?? [];
  return [
    `./tandem ${verb.usage}\n\n${verb.about}\n`,
    options.length === 0 ? "" : `\n${options.join("\n")}\n`,
    examples.length === 0 ? "" : `\nExamples\n${examples.map((example) => `  ${example}`).join("\n")}\n`,
  ].join("");
}

/** Levenshtein's distance, for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
