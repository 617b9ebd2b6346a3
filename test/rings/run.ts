/**
 * `npm test`: all rings in order, then one line that says how many checks passed and failed.
 *
 *     types, lint          the compiler and Biome, one check each
 *     unit                 vectors, one engine, two engines in virtual time, architecture: anywhere
 *     lab                  namespaces, packets, real peers: as root, or in a user namespace without the peers
 *
 * Options: --ring NAME (repeatable), --full (long runs), --yes (may install Debian packages). CI=true implies --yes
 * and turns "could not run here" into a failure.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { installPackages, missingBase, missingPackages } from "./prerequisites.ts";

interface Tally {
  passed: number;
  failed: number;
}

const root = resolve(import.meta.dirname, "../..");
const argv = process.argv.slice(2);
const ci = process.env.CI === "true";
const full = argv.includes("--full");
const mayInstall = ci || argv.includes("--yes");
const asked = argv.flatMap((a, i) => (a === "--ring" ? [argv[i + 1] ?? ""] : []));
const RINGS = ["types", "lint", "unit", "lab"] as const;
for (const a of asked) {
  if (!(RINGS as readonly string[]).includes(a)) {
    process.stderr.write(`tandem: there is no ring "${a}"; the rings are ${RINGS.join(", ")}\n`);
    process.exit(2);
  }
}
const wanted = (ring: string): boolean => asked.length === 0 || asked.includes(ring);
const env = {
  ...process.env,
  // ip, nft and sysctl lie where an ordinary user's PATH does not look.
  PATH: `${dirname(process.execPath)}:${join(root, "node_modules/.bin")}:${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`,
  ...(full ? { TANDEM_FULL: "1" } : {}),
};
const total: Tally = { passed: 0, failed: 0 };
const notRun: string[] = [];

const heading = (text: string): void =>
  void process.stdout.write(`\n── ${text} ${"─".repeat(Math.max(0, 70 - text.length))}\n`);

function command(ring: string, title: string, file: string, args: readonly string[]): void {
  if (!wanted(ring)) return;
  heading(title);
  const run = spawnSync(file, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  if (run.status === 0) total.passed++;
  else total.failed++;
  process.stdout.write(run.status === 0 ? `${title}: ok\n` : `${title}: FAILED\n`);
}

function vitest(project: string, prefix: readonly string[], extra: readonly string[] = []): void {
  const out = mkdtempSync(join(tmpdir(), "tandem-test-"));
  const report = join(out, "report.json");
  const args = [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    ...[
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--reporter=${join(import.meta.dirname, "second-attempts.ts")}`,
      `--outputFile.json=${report}`,
      ...extra,
    ],
  ];
  const [file, ...rest] = [...prefix, process.execPath, ...args];
  const run = spawnSync(file!, rest, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  try {
    const result = JSON.parse(readFileSync(report, "utf8")) as Record<string, number>;
    total.passed += result.numPassedTests ?? 0;
    // A file that cannot be loaded fails its suite without failing a test: it counts as one.
    total.failed += Math.max(result.numFailedTests ?? 0, run.status === 0 ? 0 : 1);
    const skipped = (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0);
    if (skipped > 0) {
      total.failed += skipped;
      process.stdout.write(`${skipped} skipped: a skipped test counts as a failure here\n`);
    }
  } catch {
    total.failed++;
    process.stdout.write(`${project}: the test runner gave no report (exit ${run.status})\n`);
  }
  rmSync(out, { recursive: true, force: true });
}

function lab(): void {
  heading("lab: namespaces, packets, real peers");
  if (process.getuid?.() === 0) {
    let missing = missingPackages();
    if (missing.length > 0 && mayInstall) {
      process.stdout.write(`installing ${missing.join(" ")} (services are not started)\n`);
      missing = installPackages(missing);
    }
    if (missing.length > 0) {
      const cure = mayInstall ? "apt-get could not install them" : "run it again with --yes, or install them";
      notRun.push(`tests with real peers: these Debian packages are missing: ${missing.join(" ")} (${cure})`);
      vitest("lab", [], ["--exclude", "**/*.peer.lab.test.ts"]);
    } else vitest("lab", []);
    return;
  }
  const wrap = ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c"];
  const inside = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"';
  const probe = spawnSync(
    wrap[0]!,
    [...wrap.slice(1), "mount -t tmpfs tmpfs /run && head -c 0 /dev/net/tun"],
    {
      encoding: "utf8",
    },
  );
  if (probe.status !== 0) {
    notRun.push(
      `the lab ring: no user namespace with /dev/net/tun here (${probe.stderr.trim().split("\n")[0] ?? "unshare failed"}). ` +
        "Cure: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1) and chmod 0666 /dev/net/tun",
    );
    return;
  }
  const missing = missingBase();
  if (missing.length > 0) {
    notRun.push(
      `the lab ring: these Debian packages are missing: ${missing.join(" ")}. ` +
        `Cure: sudo apt-get install --no-install-recommends ${missing.join(" ")}`,
    );
    return;
  }
  notRun.push(
    "tests with real peers (strongSwan, BIRD, FRR, GoBGP, tshark, Docker): their daemons need root. " +
      "Cure: sudo ./tandem self-test --ring lab --yes",
  );
  vitest("lab", [...wrap, inside, "sh"], ["--exclude", "**/*.peer.lab.test.ts"]);
}

command("types", "types (tsc -b)", "tsc", ["-b"]);
command("lint", "lint (biome)", "biome", ["check", "--diagnostic-level=error", "."]);
if (wanted("unit")) {
  heading("unit: vectors, engines, simulation, architecture");
  vitest("unit", []);
}
if (wanted("lab")) lab();

if (notRun.length > 0) {
  process.stdout.write(`\nNOT RUN:\n${notRun.map((n) => `  - ${n}\n`).join("")}`);
  if (ci) total.failed += notRun.length;
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exit(total.failed === 0 ? 0 : 1);
