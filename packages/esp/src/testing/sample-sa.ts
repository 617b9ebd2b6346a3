/** Child SA parameters for tests: fixed keys, selectors that take everything. */
import type { ChildSaParameters, TrafficSelector } from "../sa-parameters.ts";

const ALL = { protocol: 0, startPort: 0, endPort: 65535 };
export const EVERYTHING: readonly TrafficSelector[] = [
  { ...ALL, startAddress: "0.0.0.0", endAddress: "255.255.255.255" },
  { ...ALL, startAddress: "::", endAddress: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
];

export interface SampleSa {
  readonly id?: string;
  readonly local: string;
  readonly remote: string;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly raw?: boolean;
  readonly suite?: ChildSaParameters["suite"];
  readonly more?: Partial<ChildSaParameters>;
}

/** Parameters with fixed keys; two ends with swapped SPIs understand each other. */
export function sampleSa(sample: SampleSa): ChildSaParameters {
  const suite = sample.suite ?? { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" };
  const keys = (spi: number) => ({
    encryption: new Uint8Array(suite.keyBits / 8).fill(spi),
    salt: suite.integrity === "none" ? new Uint8Array(4).fill(spi + 1) : new Uint8Array(0),
    integrity: new Uint8Array(INTEGRITY_KEY[suite.integrity]).fill(spi + 2),
  });
  return {
    id: sample.id ?? "sa",
    connection: "c",
    seat: "s",
    suite,
    esn: false,
    spiIn: sample.spiIn,
    spiOut: sample.spiOut,
    inbound: keys(sample.spiIn),
    outbound: keys(sample.spiOut),
    endpoints: {
      local: sample.local,
      remote: sample.remote,
      ...(!sample.raw && { udp: { localPort: 4500, remotePort: 4500 } }),
    },
    localSelectors: EVERYTHING,
    remoteSelectors: EVERYTHING,
    replayWindow: 64,
    ...sample.more,
  };
}

const INTEGRITY_KEY: Record<ChildSaParameters["suite"]["integrity"], number> = {
  none: 0,
  "hmac-md5-96": 16,
  "hmac-sha1-96": 20,
  "hmac-sha256-128": 32,
  "hmac-sha384-192": 48,
  "hmac-sha512-256": 64,
};
