/** The structure of the repository, as tests. Each failure says why the rule exists. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const packages = join(root, "packages");

/** DESIGN's table: what each package may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  sansio: ["wire"],
  contract: [],
  crypto: [],
  ike: ["wire", "sansio", "crypto"],
  esp: ["wire", "sansio", "crypto"],
  bgp: ["wire", "sansio"],
  linux: ["wire"],
  gateway: ["wire", "sansio", "contract", "crypto", "ike", "esp", "bgp", "linux"],
  supervisor: ["wire", "sansio", "contract", "linux"],
  lab: ["wire", "contract", "linux"],
  cli: ["contract", "lab"],
};
const PURE = ["wire", "sansio", "contract", "ike", "esp", "bgp"];

/** Files past 400 lines in src/, with the reason. None may pass 600. */
const LONG_FILES: Readonly<Record<string, string>> = {};

interface Source {
  readonly package: string;
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
  /** Without `import type`: what is loaded when the file runs. */
  readonly loads: readonly string[];
}

function sourcesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? sourcesOf(join(folder, e.name)) : e.name.endsWith(".ts") ? [join(folder, e.name)] : [],
  );
}

const stripComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, (m) => m.replace(/[^\n]/g, " ")).replace(/(^|[^:"'`])\/\/[^\n]*/g, "$1");

/** `import ... from "x"`, `export ... from "x"`, `import "x"`, `import("x")`. */
const IMPORT =
  /^(?:import|export)\s+(type\s+)?(?:[\w$*{},\s]+?\s+from\s+)?["']([^"'\n]+)["'];|\bimport\(\s*["']([^"'\n]+)["']\s*\)/gm;

const sources: Source[] = Object.keys(MAY_IMPORT).flatMap((name) =>
  sourcesOf(join(packages, name, "src")).map((path) => {
    const text = readFileSync(path, "utf8");
    const statements = [...text.matchAll(IMPORT)].map((m) => ({
      typeOnly: m[1] !== undefined,
      from: (m[2] ?? m[3])!,
    }));
    const imports = statements.map(({ from }) => from);
    const loads = statements.filter(({ typeOnly }) => !typeOnly).map(({ from }) => from);
    return { package: name, path: relative(root, path), text, imports, loads };
  }),
);

describe("layers", () => {
  it("knows every package", () => {
    const found = readdirSync(packages).filter((n) => statSync(join(packages, n)).isDirectory());
    expect(found.sort(), "a new package needs a row in the import table (docs/architecture.md)").toEqual(
      Object.keys(MAY_IMPORT).sort(),
    );
  });

  it("imports only what its layer may: engines of different protocols stay independent of each other and of I/O", () => {
    const wrong = sources.flatMap((s) =>
      s.imports
        .filter((i) => i.startsWith("@tandem/"))
        .map((i) => i.split("/")[1]!)
        .filter((i) => i !== s.package && !MAY_IMPORT[s.package]!.includes(i))
        .map(
          (i) =>
            `${s.path} imports ${i}; ${s.package} may import: ${MAY_IMPORT[s.package]!.join(", ") || "nothing"}`,
        ),
    );
    expect(wrong).toEqual([]);
  });

  it("reaches other packages only through their exports, never by a relative path", () => {
    const wrong = sources.flatMap((s) =>
      s.imports
        .filter((i) => i.startsWith("."))
        .filter((i) => !resolve(root, dirname(s.path), i).startsWith(join(packages, s.package)))
        .map((i) => `${s.path} imports ${i}`),
    );
    expect(wrong).toEqual([]);
  });

  it("declares what it imports", () => {
    const wrong = Object.keys(MAY_IMPORT).flatMap((name) => {
      const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
      const declared = new Set(Object.keys({ ...manifest.dependencies }));
      return sources
        .filter((s) => s.package === name && !s.path.includes("/testing/"))
        .flatMap((s) => s.imports)
        .filter((i) => !i.startsWith(".") && !i.startsWith("node:"))
        .map((i) => (i.startsWith("@") ? i.split("/").slice(0, 2).join("/") : i.split("/")[0]!))
        .filter((i) => i !== `@tandem/${name}` && !declared.has(i))
        .map((i) => `${name} imports ${i} without declaring it`);
    });
    expect([...new Set(wrong)]).toEqual([]);
  });

  it("has koffi in linux only: one package holds all foreign calls, so one review covers what can crash a process", () => {
    expect(
      sources.filter((s) => s.package !== "linux" && s.imports.includes("koffi")).map((s) => s.path),
    ).toEqual([]);
  });
});

describe("pure packages", () => {
  it("have no ambient time, chance or I/O: that is what makes virtual time and replay possible", () => {
    const banned =
      /\b(Date\.now|performance\.now|Math\.random|new Date\(\)|setTimeout|setInterval|process\.|console\.)|["']node:/;
    const wrong = sources
      .filter((s) => PURE.includes(s.package))
      .flatMap((s) =>
        stripComments(s.text)
          .split("\n")
          .flatMap((line, i) => (banned.test(line) ? [`${s.path}:${i + 1}: ${line.trim()}`] : [])),
      );
    expect(wrong).toEqual([]);
  });

  it("compile without ambient types", () => {
    for (const name of PURE) {
      const config = JSON.parse(readFileSync(join(packages, name, "tsconfig.json"), "utf8"));
      expect(config.compilerOptions.types, `${name} is pure: no @types/node there`).toBeUndefined();
    }
  });
});

describe("files", () => {
  it("stay small: past 400 lines a duty should move out, or the list above says why not", () => {
    const long = sources
      .map((s) => ({ path: s.path, lines: s.text.split("\n").length - 1 }))
      .filter((s) => s.lines > 600 || (s.lines > 400 && LONG_FILES[s.path] === undefined))
      .map((s) => `${s.path}: ${s.lines} lines`);
    expect(long).toEqual([]);
  });

  it("have names that say what is in them", () => {
    const junk = /(^|\/)(utils?|helpers?|common|misc|types|manager)\.ts$/;
    expect(sources.filter((s) => junk.test(s.path)).map((s) => s.path)).toEqual([]);
  });

  it("load without cycles: a cycle means that neither file can be understood, or initialised, first", () => {
    const graph = new Map(
      sources.map((s) => [
        s.path,
        s.loads
          .filter((i) => i.startsWith("."))
          .map((i) => relative(root, resolve(root, dirname(s.path), i))),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
        return;
      }
      if (done.has(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it("hold no skipped tests: a check that does not run is not a check", () => {
    const tests = Object.keys(MAY_IMPORT)
      .map((name) => join(packages, name, "test"))
      .filter((folder) => statSync(folder, { throwIfNoEntry: false }) !== undefined)
      .flatMap(sourcesOf);
    const skipping = tests.filter((path) =>
      /\b(it|test|describe)\.(skip|only|todo|skipIf)\b/.test(readFileSync(path, "utf8")),
    );
    expect(skipping.map((p) => relative(root, p))).toEqual([]);
  });
});
