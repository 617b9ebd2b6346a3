import type { TunnelStatus } from "@tandem/contract";
import { expect, it } from "vitest";
import { renderSas } from "../../src/render/sas.ts";

const tunnel: TunnelStatus = {
  connection: "onprem",
  seat: "gw/0",
  instance: "gw/IN_0",
  remote: "device1",
  ike: "ESTABLISHED",
  flows: 1,
  localHost: "203.0.113.10",
  localPort: 4500,
  remoteHost: "198.51.100.10",
  remotePort: 4500,
  localId: "203.0.113.10",
  remoteId: "198.51.100.10",
  initiatorSpi: "6fd55d95f66b4a67",
  responderSpi: "cea64d4a303e0ca2",
  initiator: true,
  ikeSuite: "AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
  establishedSeconds: 1.2,
  rekeySeconds: 14_043,
  children: [
    {
      spiIn: "c8931e89",
      spiOut: "cee78125",
      esp: "AES_GCM_16-256",
      bytesIn: 84,
      bytesOut: 84,
      packetsIn: 1,
      packetsOut: 1,
      installedSeconds: 1,
      rekeySeconds: 3397,
      lifeSeconds: 3959,
      localTs: ["0.0.0.0/0"],
      remoteTs: ["0.0.0.0/0"],
      encapsulated: true,
    },
  ],
};

it("has the layout of swanctl --list-sas", () => {
  expect(renderSas([tunnel])).toBe(`onprem: #1, ESTABLISHED, IKEv2, 6fd55d95f66b4a67_i* cea64d4a303e0ca2_r
  local  '203.0.113.10' @ 203.0.113.10[4500]
  remote '198.51.100.10' @ 198.51.100.10[4500]
  AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024
  established 1s ago, rekeying in 14043s
  seat gw/0 on gw/IN_0, remote device1
  onprem: #1, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256
    installed 1s ago, rekeying in 3397s, expires in 3959s
    in  c8931e89,      84 bytes,     1 packets
    out cee78125,      84 bytes,     1 packets
    local  0.0.0.0/0
    remote 0.0.0.0/0
`);
});

it("leaves out tunnels without an IKE SA", () => {
  const { initiatorSpi: _spi, ...down } = tunnel;
  expect(renderSas([down])).toBe("");
});
