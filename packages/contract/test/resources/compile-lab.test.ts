import { describe, expect, test } from "vitest";
import {
  FabricConfig,
  fillCertificates,
  InstanceConfig,
  type LabPlan,
  labJsonSchema,
  loadLab,
  SupervisorConfig,
} from "../../src/index.ts";
import { compiled, options, readLab, readSchema, topologies } from "./lab-files.ts";

const configOf = (plan: LabPlan, name: string) => {
  const node = plan.nodes.find((n) => n.name === name);
  if (node?.kind !== "instance" && node?.kind !== "device") throw new Error(`no process node ${name}`);
  return InstanceConfig.parse(node.config);
};

describe.each(topologies)("%s", (topology) => {
  const plan = compiled(topology);

  test("every config is valid", () => {
    for (const node of plan.nodes) {
      if (node.kind === "instance" || node.kind === "device") InstanceConfig.parse(node.config);
      if (node.kind === "fabric") FabricConfig.parse(node.config);
      if (node.kind === "supervisor") SupervisorConfig.parse(node.config);
    }
  });

  test("links join nodes that exist, interfaces are short and unique", () => {
    const names = new Set(plan.nodes.map((n) => n.name));
    expect(names.size).toBe(plan.nodes.length);
    const interfaces = plan.links
      .flatMap((l) => [l.a, l.b])
      .map((e) => {
        expect(names).toContain(e.node);
        expect(e.interface.length).toBeLessThanOrEqual(15);
        return `${e.node} ${e.interface}`;
      });
    expect(new Set(interfaces).size).toBe(interfaces.length);
  });

  test("routes leave through interfaces of their node", () => {
    for (const node of plan.nodes) {
      const own = plan.links.flatMap((l) => [l.a, l.b]).filter((e) => e.node === node.name);
      for (const route of node.routes) {
        if (route.interface !== undefined) expect(own.map((e) => e.interface)).toContain(route.interface);
      }
    }
  });

  test("each tunnel has two ends that mirror each other", () => {
    const ends = plan.nodes.flatMap((n) =>
      n.kind === "device" || n.kind === "instance" ? InstanceConfig.parse(n.config).connections : [],
    );
    for (const tunnel of plan.tunnels) {
      const near = ends.find((c) => c.tunnel === tunnel.id)!;
      const remoteSeat = plan.seats.some((s) => s.name === tunnel.remote)
        ? tunnel.remote
        : `${tunnel.remote}/0`;
      const far = ends.find(
        (c) => c.seat === remoteSeat && c.remote.name === tunnel.seat && c.localId === near.remote.id,
      )!;
      expect(far).toBeDefined();
      expect(far.remote.id).toBe(near.localId);
      expect(far.authentication).toEqual(near.authentication);
      expect(far.bgp === undefined).toBe(near.bgp === undefined);
      if (tunnel.bgp) expect(near.bgp?.passive === true && far.bgp?.passive === true).toBe(false);
    }
  });
});

describe("addresses", () => {
  test("active-standby: one seat with the last usable address of the GatewaySubnet", () => {
    expect(compiled("active-standby").seats).toEqual([
      { name: "gw/0", gateway: "gw", publicIps: ["203.0.113.10"], bgpIp: "10.12.255.30", owner: "gw/IN_0" },
    ]);
  });

  test("active-active: .4 and .5, in the order of the public IPs", () => {
    expect(compiled("active-active").seats.map((s) => [s.name, s.publicIps[0], s.bgpIp, s.owner])).toEqual([
      ["gw/0", "203.0.113.10", "10.12.255.4", "gw/IN_0"],
      ["gw/1", "203.0.113.11", "10.12.255.5", "gw/IN_1"],
    ]);
  });
});

describe("tunnels", () => {
  test.each([
    ["site-to-site", 1],
    ["active-standby", 1],
    ["multiple-devices", 2],
    ["active-active", 2],
    ["dual-redundancy", 4],
    // Each gateway names its own end of the four.
    ["vnet-to-vnet", 8],
    ["transit", 10],
    ["point-to-site", 1],
  ])("%s has %i", (topology, n) => {
    expect(compiled(topology).tunnels).toHaveLength(n);
  });

  test("ids are connection|seat|remote", () => {
    expect(compiled("dual-redundancy").tunnels.map((t) => t.id)).toEqual([
      "to-device1|gw/0|device1",
      "to-device1|gw/1|device1",
      "to-device2|gw/0|device2",
      "to-device2|gw/1|device2",
    ]);
  });

  test("both instances know every connection, so that either can take either seat", () => {
    const plan = compiled("dual-redundancy");
    const [a, b] = ["gw/IN_0", "gw/IN_1"].map((n) => configOf(plan, n));
    expect(a!.connections).toEqual(b!.connections);
    expect(a!.seats.map((s) => s.name)).toEqual(["gw/0"]);
    expect(a!.partner?.bgpPeers).toEqual([{ seat: "gw/0", neighbor: "10.12.255.5" }]);
  });

  test("static routes where there is no BGP, the peer's host prefix left out where there is", () => {
    expect(configOf(compiled("site-to-site"), "gw/IN_0").connections[0]?.staticPrefixes).toEqual([
      "10.51.0.0/16",
      "10.52.0.0/16",
    ]);
    expect(configOf(compiled("active-standby"), "gw/IN_0").connections[0]?.staticPrefixes).toEqual([]);
    expect(configOf(compiled("site-to-site"), "device1").connections[0]?.staticPrefixes).toEqual([
      "10.11.0.0/16",
      "10.12.0.0/16",
    ]);
  });

  test("policy-based selectors: every combination, swapped on the device", () => {
    const plan = compiled("site-to-site", (file) => {
      const p = file.connections![0]!.properties;
      p.usePolicyBasedTrafficSelectors = true;
      p.ipsecPolicies = [
        {
          ikeEncryption: "AES256",
          ikeIntegrity: "SHA256",
          dhGroup: "DHGroup14",
          ipsecEncryption: "AES256",
          ipsecIntegrity: "SHA256",
          pfsGroup: "None",
          saLifeTimeSeconds: 3600,
          saDataSizeKilobytes: 102_400_000,
        },
      ];
    });
    const near = configOf(plan, "gw/IN_0").connections[0]!.trafficSelectors;
    expect(near).toHaveLength(4);
    expect(configOf(plan, "device1").connections[0]!.trafficSelectors).toEqual(
      near.map((t) => ({ local: t.remote, remote: t.local })),
    );
  });

  test("who begins: both ends, whatever the device is, and the mirror where it is said", () => {
    const modes = (plan: LabPlan) =>
      ["gw/IN_0", "device1"].map((n) => configOf(plan, n).connections[0]!.mode);
    expect(modes(compiled("site-to-site"))).toEqual(["Default", "Default"]);
    const strongswan = compiled("site-to-site", (file) => {
      file.tandem!.devices![0]!.kind = "strongswan";
    });
    expect(modes(strongswan)).toEqual(["Default", "Default"]);
    const responder = compiled("site-to-site", (file) => {
      file.connections![0]!.properties.connectionMode = "ResponderOnly";
    });
    expect(modes(responder)).toEqual(["ResponderOnly", "InitiatorOnly"]);
  });

  test("IPv6 inside and outside: routes of one family leave by an address of that family", () => {
    const plan = compiled("active-active", (file) => {
      file.virtualNetworks[0]!.properties.addressSpace.addressPrefixes.push("fd00:11::/48");
      file.virtualNetworks[0]!.properties.subnets![0]!.properties = {
        addressPrefixes: ["10.11.0.0/24", "fd00:11::/64"],
      };
      file.tandem!.devices![0]!.addressPrefixes!.push("fd00:51::/48");
    });
    const hosts = plan.nodes.filter((n) => n.kind === "host");
    expect(hosts.map((h) => h.addresses)).toEqual([
      ["10.11.0.4", "fd00:11::4"],
      ["10.51.0.4", "fd00:51::4"],
    ]);
    for (const node of plan.nodes) {
      for (const route of node.routes) {
        if (route.via !== undefined) expect(route.via.includes(":")).toBe(route.prefix.includes(":"));
      }
    }
    expect(plan.probes.map((p) => p.destination)).toEqual(["10.51.0.4", "fd00:51::4"]);
  });

  test("an omitted shared key is generated, and the same on both sides of a pair", () => {
    const plan = compiled("vnet-to-vnet", (file) => {
      for (const c of file.connections!) delete c.properties.sharedKey;
    });
    const keys = ["gw1/IN_0", "gw2/IN_1"].map((n) => configOf(plan, n).connections[0]!.authentication);
    expect(keys[0]).toEqual(keys[1]);
  });

  test("APIPA: the gateway waits, the device dials the seat's custom address", () => {
    const plan = compiled("active-active", (file) => {
      file.virtualNetworkGateways[0]!.properties.bgpSettings = {
        asn: 65515,
        bgpPeeringAddresses: [
          { ipconfigurationId: "ipConfigurations/default", customBgpIpAddresses: ["169.254.21.2"] },
          { ipconfigurationId: "ipConfigurations/activeActive", customBgpIpAddresses: ["169.254.22.2"] },
        ],
      };
      const lng = file.localNetworkGateways![0]!.properties;
      lng.bgpSettings = { asn: 65050, bgpPeeringAddress: "169.254.21.1" };
      lng.localNetworkAddressSpace = { addressPrefixes: [] };
    });
    const near = configOf(plan, "gw/IN_0").connections;
    expect(near.map((c) => [c.bgp?.localAddress, c.bgp?.passive])).toEqual([
      ["169.254.21.2", true],
      ["169.254.22.2", true],
    ]);
    expect(configOf(plan, "device1").connections.map((c) => [c.bgp?.neighbor, c.bgp?.passive])).toEqual([
      ["169.254.21.2", false],
      ["169.254.22.2", false],
    ]);
  });
});

describe("probes", () => {
  test("transit joins VNet1 and the site only by way of BGP", () => {
    const pairs = (plan: LabPlan) => plan.probes.map((p) => `${p.from} ${p.to}`);
    expect(pairs(compiled("transit"))).toContain("vnet1-host onprem-host");
    const without = compiled("transit", (file) => {
      for (const c of file.connections!.slice(0, 2)) c.properties.enableBgp = false;
    });
    expect(pairs(without)).not.toContain("vnet1-host onprem-host");
  });
});

describe("point-to-site", () => {
  test("place holders are filled with what the authority made", () => {
    const plan = compiled("point-to-site");
    const made = new Map(
      plan.certificates.map((c) => [
        c.name,
        { chain: [`leaf ${c.name}`, "ca"], privateKey: `key ${c.name}` },
      ]),
    );
    const filled = fillCertificates(plan, made, new Map([["point-to-site", "root"]]));
    expect(JSON.stringify(filled)).not.toContain("pem:");
    expect(configOf(filled, "client1").connections[0]!.authentication).toMatchObject({
      chain: ["leaf client1", "ca"],
      privateKey: "key client1",
      roots: ["root"],
    });
  });
});

test("lab/schema.json is current (node packages/contract/test/resources/write-schema.ts)", () => {
  expect(readSchema()).toEqual(JSON.parse(JSON.stringify(labJsonSchema())));
});

test("what a lab says of MTU, MSS, fragments and DF reaches instances and devices", () => {
  const plan = compiled("active-standby", (file) => {
    file.tandem = {
      ...file.tandem,
      options: {
        tunMtu: 1300,
        mssClamp: 1200,
        fragment: false,
        outerDontFragment: true,
        encapsulation: "udp",
      },
    };
  });
  for (const name of ["gw/IN_0", "gw/IN_1", "device1"]) {
    const { outside, tun } = configOf(plan, name);
    expect(tun).toEqual({ interface: "tun0", mtu: 1300, mssClamp: 1200, fragment: false });
    expect(outside).toEqual({ interface: "out", encapsulation: "udp", dontFragment: true });
  }
});

test("the command line has the last word on encapsulation", () => {
  const loaded = loadLab(readLab("active-standby"), { ...options("active-standby"), encapsulation: "udp" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.findings));
  for (const name of ["gw/IN_0", "device1"])
    expect(configOf(loaded.plan, name).outside.encapsulation).toBe("udp");
});
