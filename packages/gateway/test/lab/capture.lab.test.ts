import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { CaptureResult } from "@tandem/contract";
import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, control, status, until } from "./namespaces.ts";
import { type SiteToSite, siteToSite } from "./site-to-site.ts";

let lab: SiteToSite | undefined;
afterEach(async () => {
  await lab?.net.close();
  lab = undefined;
});

const hasTshark = (): boolean => {
  try {
    execFileSync("tshark", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

describe.runIf(canMakeNamespaces() && hasTshark())("a capture", () => {
  it("is decrypted by tshark with the files beside it, over a rekey of both SAs", async () => {
    lab = siteToSite("c1");
    const { net } = lab;
    const device = net.start("dev", lab.device);
    const gateway = net.start("gw", lab.gateway);
    const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
    await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
    const path = join(net.folder, "gw.pcapng");
    const started = (await control(gateway.socket, "capture", { path })) as CaptureResult;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    net.exec("h0", "ping -c3 -i0.01 -W1 192.168.0.10");
    const spi = (await status(gateway)).tunnels[0]!.initiatorSpi;
    await control(gateway.socket, "rekey", { connection: "to-site", what: "ike" });
    await until(
      "a new IKE SA",
      async () => (await status(gateway)).tunnels[0]!.initiatorSpi !== spi,
      10_000,
      logs,
    );
    const child = (await status(gateway)).tunnels[0]!.children[0]!.spiIn;
    await control(gateway.socket, "rekey", { connection: "to-site", what: "child" });
    await until(
      "a new Child SA",
      async () => (await status(gateway)).tunnels[0]!.children.some(({ spiIn }) => spiIn !== child),
      10_000,
      logs,
    );
    net.exec("h0", "ping -c3 -i0.01 -W1 192.168.0.10");
    await control(gateway.socket, "capture", { on: false });

    const tshark = (filter: string, ...fields: string[]): string[] =>
      execFileSync(
        "tshark",
        [
          "-C",
          started.profile,
          "-r",
          path,
          "-Y",
          filter,
          "-T",
          "fields",
          ...fields.flatMap((field) => ["-e", field]),
        ],
        {
          encoding: "utf8",
          env: { ...process.env, XDG_CONFIG_HOME: started.config },
          stdio: ["ignore", "pipe", "ignore"],
        },
      )
        .split("\n")
        .filter((line) => line !== "");
    const esp = tshark("esp", "esp.icv_good", "icmp.type");
    expect(esp.length).toBeGreaterThanOrEqual(12);
    expect(new Set(esp.map((line) => line.split("\t")[0]))).toEqual(new Set(["1"]));
    expect(esp.filter((line) => line.endsWith("\t8")).length).toBeGreaterThanOrEqual(6);
    // The notify of a rekeyed SA (16393) and traffic selectors stand inside the encrypted payload.
    expect(
      tshark("isakmp.exchangetype == 36 && isakmp.ts.type", "frame.number").length,
    ).toBeGreaterThanOrEqual(2);
  });
});
