/** `lab logs`: what a node's process wrote. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findLab, followFiles, LabError, nodeFileName } from "@tandem/lab";
import { flag, NAME_OPTION, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "lab logs [NODE] [--follow]",
  about: "Prints the log of a node's process, or of all of them with the node's name in front.",
  mostWords: Number.POSITIVE_INFINITY,
  options: {
    ...NAME_OPTION,
    follow: { type: "boolean", about: "go on as lines are added, until Ctrl-C" },
  },
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const all = (await readdir(folder.log)).filter((name) => name.endsWith(".log")).sort();
    const wanted = invocation.positionals.map((node) => {
      const file = `${nodeFileName(node)}.log`;
      if (existsSync(join(folder.log, file))) return file;
      throw new LabError(
        `${node} has no log`,
        `logs: ${all.map((name) => name.replace(/\.log$/, "")).join(", ")}`,
      );
    });
    const files = wanted.length > 0 ? wanted : all;
    await followFiles(
      files.map((name) => ({ path: join(folder.log, name), label: name.replace(/\.log$/, "") })),
      flag(invocation, "follow"),
      (label, line) =>
        process.stdout.write(files.length === 1 ? `${line}\n` : `${label.padEnd(16)} ${line}\n`),
    );
    return 0;
  },
};
