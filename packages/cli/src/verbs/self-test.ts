/** `self-test`: the rings of tests, in a process of their own (test/rings/run.ts tells the options). */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "@tandem/lab";
import { flag, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "self-test [--ring types|lint|unit|lab ...] [--full] [--yes]",
  about:
    "Runs the project's tests: everything that can run here, and says loudly what cannot, why, and the cure.",
  mostWords: 0,
  options: {
    ring: { type: "string", multiple: true, value: "NAME", about: "one ring only" },
    full: { type: "boolean", about: "the long runs too" },
    yes: { type: "boolean", about: "as root: install the Debian packages of the real peers" },
  },
  async run(invocation) {
    const rings = Array.isArray(invocation.values.ring) ? invocation.values.ring.map(String) : [];
    const words = [
      ...rings.flatMap((ring) => ["--ring", ring]),
      ...(flag(invocation, "full") ? ["--full"] : []),
      ...(flag(invocation, "yes") ? ["--yes"] : []),
    ];
    const child = spawn(process.execPath, [join(REPOSITORY, "test", "rings", "run.ts"), ...words], {
      stdio: "inherit",
    });
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    });
  },
};
