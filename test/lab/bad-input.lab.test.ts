/** Whatever a user gets wrong: one message with cause and cure, an exit status, and nothing half up. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LabFileInput } from "@tandem/contract";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { inMountNamespace, isRealRoot, ordinaryUser } from "./ordinary-user.ts";
import { processesOf, REPOSITORY, run, type Said, siteToSite, UserLab, until } from "./user-lab.ts";

let lab: UserLab;
beforeEach(() => {
  lab = new UserLab();
});
afterEach(async () => {
  await lab.down();
});

/** One failed command: status 1, the message as expected, a cure, no stack of ours, and nothing there afterwards. */
async function expectRefusal(said: Said, message: RegExp): Promise<void> {
  expect(said.status, said.stderr).toBe(1);
  expect(said.stderr).toMatch(message);
  expect(said.stderr).toMatch(/^ {2}cure: ./m);
  expect(said.stderr).not.toMatch(/^ +at /m);
  expect(said.stderr).not.toMatch(/Seoul3Busan7|Other1Key2/);
  expect(processesOf(lab.folder)).toEqual([]);
  expect((await run(["ip", "netns", "list"])).stdout).not.toContain(`${lab.name}.`);
  try {
    expect(readdirSync(join(lab.folder, "state/labs"))).toEqual([]);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOENT");
  }
}

const up = (file: LabFileInput | string, ...words: string[]): Promise<Said> =>
  lab.tandem(["lab", "up", typeof file === "string" ? file : lab.write("lab.json", file), ...words]);

type Loose = Record<string, unknown>;
const gateway = (file: LabFileInput): Loose => file.virtualNetworkGateways[0]!.properties as Loose;
const connection = (file: LabFileInput): Loose => file.connections![0]!.properties as Loose;
const device = (file: LabFileInput): Loose => file.tandem!.devices![0]! as Loose;

const POLICY = {
  ikeEncryption: "AES256",
  ikeIntegrity: "SHA256",
  dhGroup: "ECP256",
  ipsecEncryption: "GCMAES256",
  ipsecIntegrity: "GCMAES256",
  pfsGroup: "None",
  saLifeTimeSeconds: 27_000,
  saDataSizeKilobytes: 102_400_000,
};

describe("a wrong lab file is refused whole, with file, line and column", () => {
  it.each<[string, (file: LabFileInput) => void, RegExp]>([
    [
      "IKEv1",
      (f) => Object.assign(connection(f), { connectionProtocol: "IKEv1" }),
      /lab\.json:\d+:\d+: connections\[0\]\.properties\.connectionProtocol: IKEv1 is not supported .*accepted: IKEv2/,
    ],
    [
      "policy-based gateways",
      (f) => Object.assign(gateway(f), { vpnType: "PolicyBased" }),
      /lab\.json:\d+:\d+: .*vpnType: PolicyBased gateways are not supported .*accepted: RouteBased/,
    ],
    [
      "NAT rules",
      (f) => Object.assign(gateway(f), { natRules: [{ name: "n" }] }),
      /natRules: NAT rules: not supported/,
    ],
    [
      "ExpressRoute",
      (f) => Object.assign(connection(f), { connectionType: "ExpressRoute" }),
      /connections of type ExpressRoute are not supported/,
    ],
    [
      "an unknown key",
      (f) => Object.assign(f, { conections: [] }),
      /lab\.json:\d+:\d+: conections: Unrecognized key/,
    ],
    [
      "a reference that leads nowhere",
      (f) => Object.assign(connection(f), { localNetworkGateway2: { id: "localNetworkGateways/nope" } }),
      /no localNetworkGateways is named "nope" .*accepted: one of onprem/,
    ],
    [
      "a prefix that is none",
      (f) =>
        Object.assign(f.localNetworkGateways![0]!.properties as Loose, {
          localNetworkAddressSpace: {
            addressPrefixes: ["10.51.0.0/33"],
          },
        }),
      /found "10\.51\.0\.0\/33"/,
    ],
    [
      "overlapping prefixes",
      (f) =>
        Object.assign(f.localNetworkGateways![0]!.properties as Loose, {
          localNetworkAddressSpace: {
            addressPrefixes: ["10.11.0.0/16"],
          },
        }),
      /AddressPrefixOverlap/,
    ],
    [
      "a remote that nothing answers for",
      (f) =>
        Object.assign(f.localNetworkGateways![0]!.properties as Loose, { gatewayIpAddress: "198.51.100.99" }),
      /no device of tandem\.devices has this public IP, so nothing would answer/,
    ],
    [
      "an empty key",
      (f) => Object.assign(connection(f), { sharedKey: "" }),
      /the shared key has 0 characters/,
    ],
  ])("%s", async (_name, change, message) => {
    await expectRefusal(await up(siteToSite(change)), message);
  });

  it("what is not JSON", async () => {
    await expectRefusal(
      await up(lab.write("lab.json", '{ "virtualNetworks": [ }')),
      /lab\.json is not JSON\n {2}lab\.json:1:24/,
    );
  });

  it("what is not there", async () => {
    await expectRefusal(await up("nonsense"), /there is no topology "nonsense"/);
    await expectRefusal(await up("./nonsense.json"), /there is no file/);
  });
});

describe("what cannot come up is taken away again, and the message says why", () => {
  it("a wrong key", async () => {
    const said = await up(
      siteToSite((f) => Object.assign(device(f), { sharedKey: "Other1Key2" })),
      "--timeout",
      "6",
    );
    // Both ends dial: who is refused first says it as the one who asked, or as the one who answered.
    await expectRefusal(
      said,
      /(\(AUTHENTICATION_FAILED\)|this side's pre-shared key); cause: the pre-shared keys differ/,
    );
  });

  it("no IKE proposal in common", async () => {
    const said = await up(
      siteToSite((f) => {
        connection(f).ipsecPolicies = [POLICY];
        device(f).ipsecPolicy = { ...POLICY, ikeEncryption: "AES128" };
      }),
      "--timeout",
      "6",
    );
    await expectRefusal(
      said,
      /IKE_SA_INIT refused by the peer: no proposal in common \(NO_PROPOSAL_CHOSEN\)|no IKE proposal in common: .*cure: give both sides one IKE/,
    );
  });

  it("no ESP proposal in common", async () => {
    const said = await up(
      siteToSite((f) => {
        connection(f).ipsecPolicies = [POLICY];
        device(f).ipsecPolicy = { ...POLICY, ipsecEncryption: "GCMAES128", ipsecIntegrity: "GCMAES128" };
      }),
      "--timeout",
      "6",
    );
    await expectRefusal(
      said,
      /Child SA refused by the peer: no proposal in common|no ESP proposal in common: .*cure: give both sides one ESP/,
    );
  });

  it("a lab of the same name", async () => {
    await lab.up("site-to-site");
    const before = (await lab.tunnel()).initiatorSpi;
    const again = await up("site-to-site");
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/is up already\n {2}cure: /);
    expect((await lab.tunnel()).initiatorSpi).toBe(before);
  });
});

describe("what breaks while it runs is said with its cause", () => {
  it("a remote that cannot be reached, and its way back", async () => {
    await lab.up("site-to-site");
    await lab.must(["connection", "remove", "onprem"]);
    await lab.must(["cut", "outside", "device1"]);
    await lab.must(["connection", "add", lab.write("onprem.json", siteToSite().connections![0]!)]);
    await until("status to say so", 60, async () => {
      const said = await lab.tandem(["status"]);
      return said.status === 1 && /no answer (yet )?from 198\.51\.100\.10 port 500/.test(said.stdout);
    });
    await lab.must(["heal", "outside", "device1"]);
    await lab.must(["lab", "wait", "--timeout", "60"]);
  });

  it("a port in use", async () => {
    await lab.up("site-to-site");
    await lab.must(["kill", "device1"]);
    const holder = lab.background("device1", [
      process.execPath,
      "-e",
      'require("dgram").createSocket("udp4").bind(500, () => console.log("bound"))',
    ]);
    const bound = new Promise<void>((fulfil) => holder.stdout?.once("data", () => fulfil()));
    try {
      await bound;
      const said = await lab.tandem(["restore", "device1"]);
      expect(said.status).toBe(1);
      expect(said.stderr).toMatch(/UDP socket 198\.51\.100\.10 port 500: .*EADDRINUSE; another socket holds/);
      expect(said.stderr).not.toMatch(/^ +at /m);
    } finally {
      const ended = new Promise((fulfil) => holder.once("close", fulfil));
      for (const pid of processesOf(lab.folder)) {
        const { stdout } = await run(["sh", "-c", `tr '\\0' ' ' </proc/${pid}/cmdline`]);
        if (stdout.includes("createSocket")) process.kill(pid, "SIGKILL");
      }
      await ended;
    }
    await lab.must(["restore", "device1"]);
    await lab.must(["lab", "wait", "--timeout", "60"]);
  });
});

describe("a machine that does not allow it", () => {
  const users = { missing: ordinaryUser("missing"), forbidden: ordinaryUser("forbidden") };
  afterAll(() => {
    for (const { folder } of Object.values(users)) rmSync(folder, { recursive: true, force: true });
  });
  const upAs = (prefix: readonly string[]): Promise<Said> =>
    run([...prefix, join(REPOSITORY, "tandem"), "lab", "up", "site-to-site", "--name", lab.name], {
      env: lab.env,
    });
  const withoutDevice = "mount -t tmpfs tmpfs /dev/net";

  it("no /dev/net/tun", async () => {
    await expectRefusal(
      await upAs(inMountNamespace(withoutDevice)),
      /\/dev\/net\/tun does not exist, so no tunnel device can be made\n {2}cure: sudo modprobe tun/,
    );
    if (isRealRoot) await expectRefusal(await upAs(users.missing.prefix), /\/dev\/net\/tun does not exist/);
  });

  it("a /dev/net/tun that is closed to the user", async () => {
    if (!isRealRoot) return; // a user namespace knows one user only
    await expectRefusal(
      await upAs(users.forbidden.prefix),
      /this user may not open \/dev\/net\/tun \(EACCES\)\n {2}cure: sudo chmod 0666 \/dev\/net\/tun/,
    );
  });

  it("no namespaces at all", async () => {
    // In a user namespace of its own: no further ones allowed, and the capability to make the others given up.
    const prefix = [
      ...["unshare", "--user", "--map-root-user", "sh", "-c"],
      'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin -- "$@"',
      "sh",
    ];
    await expectRefusal(
      await upAs(prefix),
      /this user may not create network namespaces .*\n {2}cure: .*max_user_namespaces/,
    );
  });
});
