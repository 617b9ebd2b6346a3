/** `self-test`: the project's tests, ring by ring (test/rings/run.ts does the work; `npm test` comes through here). */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Verb } from "../verb.ts";

const RUNNER = join(import.meta.dirname, "..", "..", "..", "..", "test", "rings", "run.ts");

export const verb: Verb = {
  usage: "self-test [--ring NAME ...] [--full] [--yes]",
  about:
    "Runs types, lint, unit and simulation tests and the lab ring (real namespaces, packets and peers), and ends " +
    "with a line `N passed, N failed`. docs/testing.md says what each ring holds and what it needs.",
  options: {
    ring: {
      type: "string",
      multiple: true,
      value: "NAME",
      about: "only this ring: types, lint, unit, lab (repeatable)",
    },
    full: { type: "boolean", about: "the long runs too: big fuzz counts, all peers' matrices" },
    yes: { type: "boolean", about: "as root: install the Debian packages that the real peers need" },
  },
  run({ values }) {
    const rings = Array.isArray(values.ring) ? values.ring.map(String) : [];
    const words = [
      ...rings.flatMap((ring) => ["--ring", ring]),
      ...(values.full === true ? ["--full"] : []),
      ...(values.yes === true ? ["--yes"] : []),
    ];
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [RUNNER, ...words], { stdio: "inherit" });
      child.once("close", (code) => resolve(code ?? 1));
    });
  },
};
