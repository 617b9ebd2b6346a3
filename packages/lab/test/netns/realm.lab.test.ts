/** Real namespaces, in the realm of root and in that of a user without rights. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layOut, type NetworkLayout } from "../../src/netns/network-layout.ts";
import { checkUserNamespaces, type RealmKind, realmKind } from "../../src/netns/privileges.ts";
import { createRealm, deleteNamespaces, type Realm } from "../../src/netns/realm.ts";
import { terminate } from "../../src/process/terminate.ts";
import { createStateFolder, stateFolder } from "../../src/state-folder.ts";

const kinds: RealmKind[] = realmKind() === "root" ? ["root", "rootless"] : ["rootless"];

let state: string;
let realm: Realm | undefined;
const made: string[] = [];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "tandem-realm-"));
  process.env.TANDEM_STATE = state;
});

afterEach(async () => {
  if (realm !== undefined) {
    await deleteNamespaces(realm, made);
    if (realm.holder !== undefined) await terminate([realm.holder], 0);
  }
  realm = undefined;
  made.length = 0;
  delete process.env.TANDEM_STATE;
  rmSync(state, { recursive: true });
});

async function open(kind: RealmKind, lab: string): Promise<Realm> {
  if (kind === "rootless") await checkUserNamespaces();
  const folder = stateFolder(lab);
  createStateFolder(folder, 16);
  realm = await createRealm(kind, folder);
  return realm;
}

/** left - middle - right, the ends reach each other through the middle. */
function chain(lab: string): NetworkLayout {
  const name = (node: string): string => `${lab}.${node}`;
  made.push(name("left"), name("middle"), name("right"));
  return {
    cables: [
      {
        ends: [
          { netns: name("left"), interface: "out" },
          { netns: name("middle"), interface: "l" },
        ],
      },
      {
        ends: [
          { netns: name("middle"), interface: "r" },
          { netns: name("right"), interface: "out" },
        ],
        mtu: 1400,
      },
    ],
    namespaces: [
      {
        netns: name("left"),
        interfaces: [{ name: "out", addresses: ["10.9.0.1/24", "fd09::1/64"] }],
        commands: ["-4 route add default via 10.9.0.2", "-6 route add default via fd09::2"],
      },
      {
        netns: name("middle"),
        interfaces: [
          { name: "l", addresses: ["10.9.0.2/24", "fd09::2/64"] },
          { name: "r", addresses: ["10.9.1.2/24", "fd09:1::2/64"] },
        ],
        sysctls: { "net.ipv4.ip_default_ttl": "61" },
        commands: [],
      },
      {
        netns: name("right"),
        interfaces: [{ name: "out", addresses: ["10.9.1.1/24", "fd09:1::1/64"] }],
        commands: ["-4 route add default via 10.9.1.2", "-6 route add default via fd09:1::2"],
      },
    ],
  };
}

describe.each(kinds)("as %s", (kind) => {
  it("forwards IPv4 and IPv6 between namespaces, at once", async () => {
    const lab = `realm-${process.pid}`;
    const here = await open(kind, lab);
    await layOut(here, chain(lab));
    for (const target of ["10.9.1.1", "fd09:1::1"]) {
      const said = await here.run([
        "ip",
        "netns",
        "exec",
        `${lab}.left`,
        "ping",
        "-c",
        "1",
        "-W",
        "2",
        target,
      ]);
      expect(said).toContain(" 0% packet loss");
    }
    const mtu = await here.run(["ip", "-netns", `${lab}.right`, "link", "show", "out"]);
    expect(mtu).toContain("mtu 1400");
    const ttl = await here.run([
      "ip",
      "netns",
      "exec",
      `${lab}.middle`,
      "cat",
      "/proc/sys/net/ipv4/ip_default_ttl",
    ]);
    expect(ttl.trim()).toBe("61");
  });

  it("takes back what it made when a step fails, and says which", async () => {
    const lab = `broken-${process.pid}`;
    const here = await open(kind, lab);
    const layout = chain(lab);
    const [left, ...others] = layout.namespaces;
    const broken = {
      ...layout,
      namespaces: [{ ...left!, commands: ["-4 route add 10.0.0.0/8 via 192.0.2.77"] }, ...others],
    };
    await expect(layOut(here, broken)).rejects.toThrow(
      /broken-.*left: "ip route add 10.0.0.0\/8 via 192.0.2.77" failed/,
    );
    expect((await here.namespaces()).filter((name) => name.startsWith(`${lab}.`))).toEqual([]);
  });
});

it("a rootless realm dies with its holder", async () => {
  const lab = `gone-${process.pid}`;
  const here = await open("rootless", lab);
  await layOut(here, chain(lab));
  await terminate([here.holder!], 0);
  expect(here.isAlive()).toBe(false);
  expect(await here.namespaces()).toEqual([]);
});
