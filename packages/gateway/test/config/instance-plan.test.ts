import { describe, expect, it } from "vitest";
import { describeProblems, readInstanceConfig } from "../../src/config/instance-plan.ts";
import { instanceConfig, pskConnection } from "../../src/testing/index.ts";

const problems = (input: unknown): string => {
  const read = readInstanceConfig(input);
  return read.ok ? "" : describeProblems(read.problems);
};

const policy = {
  ikeEncryption: "AES256",
  ikeIntegrity: "SHA256",
  dhGroup: "DHGroup14",
  ipsecEncryption: "GCMAES256",
  ipsecIntegrity: "GCMAES256",
  pfsGroup: "None",
  saLifeTimeSeconds: 27_000,
  saDataSizeKilobytes: 102_400_000,
} as const;

describe("an instance's configuration", () => {
  it("is taken whole when everything holds", () => {
    const read = readInstanceConfig(instanceConfig());
    expect(read.ok).toBe(true);
    if (read.ok) expect(read.config.connections[0]?.dpdTimeoutSeconds).toBe(45);
  });

  it.each([
    ["an unknown field", { ...instanceConfig(), ikev1: true }, "ikev1: unknown field"],
    [
      "an unknown field inside a connection",
      instanceConfig({ connections: [{ ...pskConnection(), natRules: [] } as never] }),
      "connections.0.natRules: unknown field",
    ],
    [
      "an address that is none",
      instanceConfig({
        seats: [{ name: "gw/0", publicIps: ["203.0.113.300"], bgpIp: "10.1.255.4", epoch: 1 }],
      }),
      'seats.0.publicIps.0: "203.0.113.300" is no IP address',
    ],
    [
      "a prefix with host bits",
      instanceConfig({ localPrefixes: ["10.1.0.1/16"] }),
      'write "10.1.0.1/16" as "10.1.0.0/16"',
    ],
    [
      "the same ASN on both ends",
      instanceConfig({ connections: [pskConnection({ bgp: { neighbor: "192.168.0.254", asn: 65515 } })] }),
      "connections.0.bgp.asn: 65515 is our own ASN",
    ],
    [
      "two tunnels of one id",
      instanceConfig({ connections: [pskConnection(), pskConnection()] }),
      "connections.1.tunnel",
    ],
    [
      "InitiatorOnly towards nobody",
      instanceConfig({
        connections: [
          pskConnection({ mode: "InitiatorOnly", remote: { name: "x", address: null, id: "%any" } }),
        ],
      }),
      "connections.0.mode: InitiatorOnly needs the remote's address",
    ],
    [
      "GCM with another integrity",
      instanceConfig({
        connections: [pskConnection({ ipsecPolicy: { ...policy, ipsecIntegrity: "SHA256" } })],
      }),
      "must be the same word",
    ],
    [
      "a lifetime below the minimum",
      instanceConfig({
        connections: [pskConnection({ ipsecPolicy: { ...policy, saLifeTimeSeconds: 299 } })],
      }),
      "saLifeTimeSeconds: at least 300",
    ],
    [
      "a certificate that is none",
      instanceConfig({
        connections: [
          pskConnection({
            authentication: { method: "certificate", chain: ["x"], privateKey: "y", roots: ["z"], crls: [] },
          }),
        ],
      }),
      "connections.0.authentication.chain.0: no X.509 certificate in PEM",
    ],
    [
      "three seats",
      instanceConfig({
        seats: [1, 2, 3].map((n) => ({
          name: `gw/${n}`,
          publicIps: [`203.0.113.${n}`],
          bgpIp: `10.1.255.${n}`,
          epoch: 1,
        })),
      }),
      "seats: 3 seats",
    ],
    [
      "a short partner key",
      instanceConfig({ partner: { name: "p", localAddress: "10.9.0.1", address: "10.9.0.2", key: "ab" } }),
      "partner.key",
    ],
  ])("is refused for %s", (_what, input, expected) => {
    expect(problems(input)).toContain(expected);
  });

  it("names every problem at once", () => {
    const text = problems(instanceConfig({ localPrefixes: ["x"], routerId: "y" }));
    expect(text.split("\n")).toHaveLength(2);
  });
});
