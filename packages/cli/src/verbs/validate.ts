/** `validate`: a lab file's rules, then what its topology promises, on a lab that runs. */
import { writeFileSync } from "node:fs";
import {
  bringUp,
  type CheckResult,
  defaultLabName,
  findLab,
  junitXml,
  LabError,
  locateLabFile,
  readLabSource,
  runChecks,
  type StateFolder,
  stateFolder,
  tearDown,
} from "@tandem/lab";
import { green, red } from "../render/colour.ts";
import { print, printJson, progress } from "../render/output.ts";
import { flag, type Invocation, JSON_OPTION, NAME_OPTION, oneOf, stringValue, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "validate [TOPOLOGY | FILE.json] [--file-only] [--junit FILE]",
  about: `With a topology or file: checks the file, brings the lab up under a name of its own, checks what the topology
promises with real traffic (every tunnel, every session, every packet, all tunnels used), and takes it down again.
Without one: the same checks on the lab that is up.`,
  options: {
    ...NAME_OPTION,
    "file-only": { type: "boolean", about: "check the file and end" },
    device: { type: "string", value: "tandem|strongswan", about: "what the devices are" },
    junit: { type: "string", value: "FILE", about: "write the results as JUnit XML" },
    yes: { type: "boolean", about: "as root: install the Debian packages that peers need" },
    ...JSON_OPTION,
  },
  examples: [
    "./tandem validate my-lab.json --file-only",
    "./tandem validate dual-redundancy --junit report.xml",
  ],
  async run(invocation) {
    const topology = invocation.positionals[0];
    if (topology === undefined) {
      const { folder, record } = findLab(stringValue(invocation, "name"));
      return conclude(invocation, record.topology, await runChecks(folder));
    }
    const path = locateLabFile(topology);
    const deviceKind = oneOf(invocation, "device", ["tandem", "strongswan"]);
    const name =
      stringValue(invocation, "name") ?? `validate-${defaultLabName(path)}`.slice(0, 40).replace(/-$/, "");
    const folder = stateFolder(name);
    const source = readLabSource(path, folder.root, {
      name,
      ...(deviceKind === undefined ? {} : { deviceKind }),
    });
    const accepted: CheckResult = {
      group: "file",
      name: "the lab file is accepted",
      seconds: 0,
      failure: undefined,
    };
    if (flag(invocation, "file-only")) return conclude(invocation, source.plan.topology, [accepted]);
    const results = await checkFresh(invocation, folder, source);
    return conclude(invocation, source.plan.topology, [accepted, ...results]);
  },
};

async function checkFresh(
  invocation: Invocation,
  folder: StateFolder,
  source: ReturnType<typeof readLabSource>,
): Promise<CheckResult[]> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  try {
    await bringUp(folder, source, {
      onStep: progress,
      waitMilliseconds: 60_000,
      mayInstall: flag(invocation, "yes") || (process.env.CI ?? "") !== "",
    });
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return [{ group: "lab", name: "the lab comes up", seconds: seconds(), failure: error.message }];
  }
  try {
    return [
      { group: "lab", name: "the lab comes up", seconds: seconds(), failure: undefined },
      ...(await runChecks(folder)),
    ];
  } finally {
    await tearDown(folder);
  }
}

function conclude(invocation: Invocation, topology: string, results: readonly CheckResult[]): number {
  const failed = results.filter(({ failure }) => failure !== undefined);
  const file = stringValue(invocation, "junit");
  if (file !== undefined) writeFileSync(file, junitXml(topology, results));
  if (flag(invocation, "json")) printJson({ topology, passed: failed.length === 0, results });
  else {
    for (const { name, failure } of results)
      print(failure === undefined ? `${green("ok")}      ${name}` : `${red("FAILED")}  ${name}: ${failure}`);
    print(`${topology}: ${results.length - failed.length} passed, ${failed.length} failed`);
  }
  return failed.length === 0 ? 0 : 1;
}
