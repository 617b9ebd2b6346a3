import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addConnection, changeConnection, removeConnection } from "../../src/live/resource-edit.ts";
import { REPOSITORY } from "../../src/repository.ts";

interface File {
  connections: { name: string; properties: Record<string, unknown> }[];
  localNetworkGateways: { name: string; properties: Record<string, unknown> }[];
}
const file = JSON.parse(readFileSync(join(REPOSITORY, "lab", "site-to-site.json"), "utf8")) as File;

describe("edits of a lab file", () => {
  it("leave the file that they are given as it is", () => {
    const before = JSON.stringify(file);
    changeConnection(file, "onprem", { sharedKey: "x", prefixes: ["10.9.0.0/16"] });
    removeConnection(file, "onprem");
    expect(JSON.stringify(file)).toBe(before);
  });

  it("change the connection's own properties and its local network gateway's prefixes", () => {
    const changed = changeConnection(file, "onprem", {
      sharedKey: "another",
      prefixes: ["10.9.0.0/16"],
      ipsecPolicy: null,
    }) as unknown as File;
    expect(changed.connections[0]?.properties).toMatchObject({ sharedKey: "another", ipsecPolicies: [] });
    expect(changed.localNetworkGateways[0]?.properties.localNetworkAddressSpace).toEqual({
      addressPrefixes: ["10.9.0.0/16"],
    });
  });

  it("remove a connection and take it back", () => {
    const without = removeConnection(file, "onprem");
    expect((without as unknown as File).connections).toEqual([]);
    expect(addConnection(without, file.connections[0])).toEqual(file);
    expect(addConnection(without, { connections: file.connections })).toEqual(file);
  });

  it.each<[string, () => unknown, string]>([
    [
      "of a connection that is not there",
      () => removeConnection(file, "x"),
      'no "x" among the lab\'s connections',
    ],
    ["that would add a name twice", () => addConnection(file, file.connections[0]), 'has "onprem" already'],
    [
      "with lists that no running lab can take",
      () => addConnection(file, { tandem: {} }),
      '"tandem" cannot be added',
    ],
    ["that are no object", () => addConnection(file, 7), "not a JSON object"],
  ])("%s are refused", (_what, edit, message) => {
    expect(edit).toThrow(message);
  });
});
