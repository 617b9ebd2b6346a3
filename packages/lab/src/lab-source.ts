/** Finds, reads and checks a lab file; every complaint carries file, line, column, the value and what would do. */
import { hkdfSync, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import {
  type Encapsulation,
  type Finding,
  formatPath,
  type LabFile,
  type LabPlan,
  loadLab,
  type Profile,
} from "@tandem/contract";
import {
  findNodeAtLocation,
  getNodeValue,
  type Node as JsonNode,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { LabError } from "./lab-error.ts";
import { REPOSITORY } from "./repository.ts";

export interface SourceOptions {
  readonly name?: string;
  readonly profile?: Profile;
  readonly deviceKind?: "tandem" | "strongswan";
  readonly encapsulation?: Encapsulation;
  /** Of the secrets that the file leaves open, hex; by default a new one. */
  readonly seed?: string;
}

export interface LabSource {
  readonly path: string;
  readonly file: LabFile;
  readonly plan: LabPlan;
  /** The file's JSON value as it was written. */
  readonly value: unknown;
  readonly seed: string;
  readonly options: SourceOptions;
}

const SEED_LENGTH = 32;

/** The same secret for the same purpose, also when the file is compiled again after a change. */
function derive(seed: string, bytes: number, label: string): string {
  return Buffer.from(hkdfSync("sha256", Buffer.from(seed, "hex"), "", label, bytes)).toString("hex");
}

/** A topology's name (a file under lab/) or the path of a lab file. */
export function locateLabFile(topology: string): string {
  const looksLikePath = topology.includes("/") || /\.jsonc?$/.test(topology);
  const candidates = looksLikePath
    ? [resolve(topology)]
    : [join(REPOSITORY, "lab", `${topology}.json`), resolve(`${topology}.json`)];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new LabError(
    looksLikePath ? `there is no file ${topology}` : `there is no topology "${topology}"`,
    `topologies: ${listTopologies().join(", ")}; or give the path of a lab file`,
  );
}

export function listTopologies(): string[] {
  const folder = join(REPOSITORY, "lab");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json") && !name.includes("schema"))
    .map((name) => basename(name, ".json"))
    .sort();
}

/** The name a lab gets when none is asked for. */
export function defaultLabName(path: string): string {
  return basename(path)
    .replace(/\.jsonc?$/, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-");
}

/** `runDirectory` receives the sockets and configurations that the plan names. Throws a LabError with all findings. */
export function readLabSource(path: string, runDirectory: string, options: SourceOptions = {}): LabSource {
  return compileLabText(path, readText(path), runDirectory, options);
}

/** `path` is what complaints name. */
export function compileLabText(
  path: string,
  text: string,
  runDirectory: string,
  options: SourceOptions,
): LabSource {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (root === undefined || errors.length > 0) {
    const lines = errors.map(
      ({ error, offset }) => `${place(path, text, offset)}: ${printParseErrorCode(error)}`,
    );
    throw new LabError(`${display(path)} is not JSON\n  ${lines.join("\n  ")}`, "mend the places above");
  }
  const seed = options.seed ?? randomBytes(SEED_LENGTH).toString("hex");
  const value: unknown = getNodeValue(root);
  const result = loadLab(value, {
    topology: defaultLabName(path),
    runDirectory,
    randomHex: (bytes, label) => derive(seed, bytes, label),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.deviceKind === undefined ? {} : { deviceKind: options.deviceKind }),
    ...(options.encapsulation === undefined ? {} : { encapsulation: options.encapsulation }),
  });
  if (result.ok) return { path, file: result.file, plan: result.plan, value, seed, options };
  const lines = result.findings.map((finding) => describeFinding(path, text, root, finding));
  throw new LabError(
    `${display(path)} is refused; nothing was changed\n  ${lines.join("\n  ")}`,
    lines.length === 1 ? "mend the place above" : "mend the places above",
  );
}

function describeFinding(path: string, text: string, root: JsonNode, finding: Finding): string {
  const node = nearestNode(root, finding.path);
  const value = finding.value === undefined ? "" : ` (found ${JSON.stringify(finding.value)})`;
  return (
    `${place(path, text, node.offset)}: ${formatPath(finding.path)}: ${finding.message}${value}; ` +
    `accepted: ${finding.accepted} [${finding.code}]`
  );
}

/** The value at the path, or the innermost that exists when the complaint is about something missing. */
function nearestNode(root: JsonNode, path: Finding["path"]): JsonNode {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return node;
  }
  return root;
}

function place(path: string, text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${display(path)}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

function display(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" || short.startsWith("..") ? path : short;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new LabError(`cannot read ${display(path)} (${(error as NodeJS.ErrnoException).code ?? "error"})`);
  }
}
