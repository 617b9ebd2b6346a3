/** A capture decrypts in tshark with the files written beside it: IKE and ESP, integrity good. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

let tandem: TandemCommand;
beforeAll(async () => {
  tandem = new TandemCommand();
  await tandem.expect("lab", "up", "site-to-site", "--name", `cap-${process.pid}`);
});
afterAll(() => tandem.close());

function tshark(file: string, config: string, filter: string, ...fields: string[]): string[] {
  const words = ["-C", "tandem", "-r", file, "-Y", filter, ...(fields.length > 0 ? ["-T", "fields"] : [])];
  const { stdout, error } = spawnSync("tshark", [...words, ...fields.flatMap((field) => ["-e", field])], {
    encoding: "utf8",
    env: { ...process.env, XDG_CONFIG_HOME: config },
  });
  if (error !== undefined) throw new Error("tshark is not installed: apt-get install tshark");
  return stdout.split("\n").filter((line) => line !== "");
}

it("ESP and IKE are readable with the written keys", async () => {
  const file = join(tandem.state, "gw.pcapng");
  await tandem.expect("capture", "gw/IN_0", "--start", "--out", file);
  await tandem.expect("lab", "exec", "vnet1-host", "ping", "-c", "5", "-i", "0.2", "-W", "2", "10.51.0.4");
  // A change of key makes a new IKE SA, so that IKE_AUTH is in the capture.
  await tandem.expect("connection", "set", "onprem", "--psk", "anotherkey1");
  await tandem.expect("lab", "wait", "--timeout", "20");
  await tandem.expect("capture", "gw/IN_0", "--stop");
  const config = `${file}.keys`;
  const requests = tshark(file, config, "esp && icmp.type == 8", "ip.src", "ip.dst");
  expect(requests.length).toBeGreaterThanOrEqual(5);
  expect(tshark(file, config, "esp && !esp.icv_good")).toEqual([]);
  const authentication = tshark(file, config, "isakmp.exchangetype == 35", "isakmp.id.type");
  expect(authentication.length).toBeGreaterThanOrEqual(1);
  expect(authentication.some((line) => line !== "")).toBe(true);
});
