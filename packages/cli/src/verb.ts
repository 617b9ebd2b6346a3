/** What a verb is. Each lives in a file of its own under verbs/ and is loaded only when it is asked for. */
import type { ParseArgsConfig } from "node:util";

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export type OptionSpec = NonNullable<ParseArgsConfig["options"]>[string] & {
  /** For help: what it does. */
  readonly about: string;
  /** For help: the word for its value. */
  readonly value?: string;
};

export interface Verb {
  /** After `tandem`, for example `lab up [TOPOLOGY]`. */
  readonly usage: string;
  /** A paragraph for help. */
  readonly about: string;
  readonly options: OptionSpecs;
  /** How many words besides options make sense (default 1); more are refused, not ignored. */
  readonly mostWords?: number;
  /** All words after the first positional belong to another command (`lab exec NODE ls -l`). */
  readonly passThrough?: boolean;
  readonly examples?: readonly string[];
  /** The exit status; an Error that it throws is printed and gives 1. */
  run(invocation: Invocation): Promise<number>;
}

export interface Invocation {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
}

/** Wrong use of the command line: exit status 2, with the way to help. */
export class UsageError extends Error {}

export const NAME_OPTION = {
  name: { type: "string", value: "NAME", about: "which lab (default: the only one that is up)" },
} as const satisfies OptionSpecs;

export const JSON_OPTION = {
  json: { type: "boolean", about: "print data for programs" },
} as const satisfies OptionSpecs;

export function stringValue(invocation: Invocation, name: string): string | undefined {
  const value = invocation.values[name];
  return typeof value === "string" ? value : undefined;
}

export function flag(invocation: Invocation, name: string): boolean {
  return invocation.values[name] === true;
}

/** A number of seconds, `2`, `0.5`, `90s`, `2m`; in milliseconds. */
export function durationValue(invocation: Invocation, name: string, defaultMilliseconds: number): number {
  const text = stringValue(invocation, name);
  if (text === undefined) return defaultMilliseconds;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null)
    throw new UsageError(`--${name} ${text}: a duration is expected, for example 30, 30s, 500ms, 2m`);
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] ?? "s"] ?? 1000;
  return Number(match[1]) * unit;
}

export function oneOf<T extends string>(
  invocation: Invocation,
  name: string,
  accepted: readonly T[],
): T | undefined {
  const value = stringValue(invocation, name);
  if (value === undefined) return undefined;
  const found = accepted.find((one) => one === value);
  if (found === undefined)
    throw new UsageError(`--${name} ${value}: one of ${accepted.join(", ")} is expected`);
  return found;
}

/** The only positional, or a usage error that says what is missing. */
export function requiredPositional(invocation: Invocation, index: number, what: string): string {
  const value = invocation.positionals[index];
  if (value === undefined) throw new UsageError(`${what} is missing`);
  return value;
}
