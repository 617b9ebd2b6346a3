/** IANA "Assigned Internet Protocol Numbers" (https://www.iana.org/assignments/protocol-numbers): those this project names. */
export const IpProtocol = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  noNext: 59,
  destinationOptions: 60,
  mobility: 135,
} as const;

const names: Readonly<Record<number, string>> = {
  0: "hop-by-hop",
  1: "icmp",
  2: "igmp",
  4: "ipv4",
  6: "tcp",
  17: "udp",
  41: "ipv6",
  43: "routing",
  44: "fragment",
  47: "gre",
  50: "esp",
  51: "ah",
  58: "icmpv6",
  59: "no-next-header",
  60: "destination-options",
  135: "mobility",
};

/** "udp" for 17, "protocol 200" for one without a name here. */
export const ipProtocolName = (protocol: number): string => names[protocol] ?? `protocol ${protocol}`;
