import { execFileSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { createArena } from "../src/arena.ts";
import { enterNetns, insideNetns, namedNetns, processNetns } from "../src/netns.ts";
import { RouteNetlink } from "../src/rtnetlink.ts";
import { openTun } from "../src/tun.ts";
import { inThrowawayNetwork } from "./throwaway-network.ts";

const here = (): string => readlinkSync("/proc/thread-self/ns/net");

inThrowawayNetwork(import.meta.filename, () => {
  // A child with a namespace of its own, held open by a pipe until this process closes it.
  const holder = execFileSync("sh", ["-c", "unshare -n sleep 60 >/dev/null 2>&1 & echo $!"], {
    encoding: "utf8",
  });
  const pid = Number(holder);

  test("acts inside another namespace and comes back, also when the act throws", async () => {
    const home = here();
    await expect.poll(() => readlinkSync(processNetns(pid))).not.toBe(home);
    const path = processNetns(pid);
    const netlink = insideNetns(path, () => {
      expect(here()).toBe(readlinkSync(path));
      openTun(createArena(65536), { name: "inside0" });
      return new RouteNetlink();
    });
    expect(here()).toBe(home);
    // A socket stays in the namespace where it was made.
    expect(netlink.links().map((link) => link.name)).toContain("inside0");
    expect(new RouteNetlink().links().map((link) => link.name)).not.toContain("inside0");
    expect(() =>
      insideNetns(path, () => {
        throw new Error("as planned");
      }),
    ).toThrow("as planned");
    expect(here()).toBe(home);
    process.kill(pid);
  });

  test("a namespace that is not there is named, with the cure", () => {
    expect(() => enterNetns(namedNetns("no-such-namespace"))).toThrow(
      /network namespace \/run\/netns\/no-such-namespace: open failed with ENOENT; create it first/,
    );
  });
});
