import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { LinuxError } from "../src/linux-error.ts";
import { CLONE_NEWNET, unshareNamespaces } from "../src/netns.ts";
import { RouteNetlink } from "../src/rtnetlink.ts";

const INSIDE = "TANDEM_TEST_NETWORK";

/**
 * Runs the tests that `define` declares in a network namespace of their own: as root in this process, else by running `file`
 * again under `unshare -Urn`. Where neither is allowed there is one failing test with the reason.
 */
export function inThrowawayNetwork(file: string, define: () => void): void {
  if (process.env[INSIDE] !== undefined || isolate()) {
    const netlink = new RouteNetlink();
    netlink.setLink("lo", { up: true });
    netlink.close();
    define();
    return;
  }
  test("in a user and network namespace of its own", () => {
    const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
    const child = spawnSync(
      "unshare",
      ["-Urn", process.execPath, vitest, "run", "--configLoader", "runner", file],
      {
        env: { ...process.env, [INSIDE]: "inside" },
        encoding: "utf8",
      },
    );
    const reason = child.error?.message ?? `${child.stdout}\n${child.stderr}`;
    expect(child.status, `needs root or user namespaces (unshare -Urn): ${reason}`).toBe(0);
  }, 60_000);
}

function isolate(): boolean {
  try {
    unshareNamespaces(CLONE_NEWNET);
    return true;
  } catch (error) {
    if (error instanceof LinuxError && error.code === "EPERM") return false;
    throw error;
  }
}
