/** The topologies with devices keep their promises also with a third party's: strongSwan and BIRD. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

let tandem: TandemCommand;
beforeAll(() => {
  tandem = new TandemCommand();
});
afterAll(() => tandem.close());

describe("with strongSwan and BIRD", () => {
  it.each(["dual-redundancy", "point-to-site"])("%s", async (name) => {
    expect(await tandem.failures(name, "--name", `top-${process.pid}`, "--device", "strongswan")).toEqual([]);
  });
});
