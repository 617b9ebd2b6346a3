/** Virtual addresses by the Configuration payload (RFC 7296 §2.19, §3.15): request, assignment, reply. */
import { formatAddress, parseAddress } from "@tandem/wire";
import type { IkeConnection } from "../config.ts";
import { CfgAttribute, CfgType } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { find, type IkeMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { CfgAttributeValue } from "../message/payloads/cp.ts";

const NOTHING = new Uint8Array(0);

/** An address of each family that the children's selectors have; IPv4 when there are none. */
export function addressRequest(connection: IkeConnection): Payload[] {
  if (connection.requestAddress !== true) return [];
  const remotes = connection.children.flatMap((p) => p.remote.map((s) => s.startAddress));
  const six = remotes.some((a) => a.includes(":"));
  const four = !six || remotes.some((a) => !a.includes(":"));
  return [
    {
      kind: "CP",
      cfgType: CfgType.REQUEST,
      attributes: [
        ...(four ? [{ type: CfgAttribute.INTERNAL_IP4_ADDRESS, value: NOTHING }] : []),
        ...(four ? [{ type: CfgAttribute.INTERNAL_IP4_DNS, value: NOTHING }] : []),
        ...(six ? [{ type: CfgAttribute.INTERNAL_IP6_ADDRESS, value: NOTHING }] : []),
        ...(six ? [{ type: CfgAttribute.INTERNAL_IP6_DNS, value: NOTHING }] : []),
      ],
    },
  ];
}

const isFamily = (a: CfgAttributeValue, family: 4 | 6): boolean =>
  a.type === (family === 4 ? CfgAttribute.INTERNAL_IP4_ADDRESS : CfgAttribute.INTERNAL_IP6_ADDRESS);

/** The address in an attribute; INTERNAL_IP6_ADDRESS has a prefix length behind it. */
function addressOf(a: CfgAttributeValue): string | undefined {
  if (isFamily(a, 4) && a.value.length === 4) return formatAddress(a.value);
  if (isFamily(a, 6) && a.value.length === 17) return formatAddress(a.value.subarray(0, 16));
  return undefined;
}

/** What a reply gives us. */
export function readAddresses(message: IkeMessage): string[] {
  const cp = find(message, "CP");
  if (cp?.cfgType !== CfgType.REPLY) return [];
  return cp.attributes.map(addressOf).filter((a) => a !== undefined);
}

/** Takes one address per family asked for out of the connection's pool. */
export function assignAddresses(
  sa: IkeSa,
  connection: IkeConnection,
  message: IkeMessage,
  owner: string,
): string[] {
  const cp = find(message, "CP");
  if (cp?.cfgType !== CfgType.REQUEST || connection.addressPool === undefined) return [];
  const pool = sa.host.pools.of(connection.tunnel, connection.addressPool);
  const assigned: string[] = [];
  for (const family of [4, 6] as const) {
    const asked = cp.attributes.find((a) => isFamily(a, family));
    if (asked === undefined) continue;
    const address = pool.take(owner, family, addressOf(asked));
    if (address === undefined)
      sa.note("failed", [`the address pool has no free IPv${family} address`, "cure: enlarge the pool"]);
    else assigned.push(address);
  }
  if (assigned.length > 0) sa.note("ok", [`virtual address ${assigned.join(" ")} for "${owner}"`]);
  return assigned;
}

export function addressReply(
  connection: IkeConnection,
  message: IkeMessage,
  assigned: readonly string[],
): Payload[] {
  if (find(message, "CP")?.cfgType !== CfgType.REQUEST || assigned.length === 0) return [];
  const attributes: CfgAttributeValue[] = [];
  for (const address of assigned) {
    const bytes = parseAddress(address)!;
    attributes.push(
      bytes.length === 4
        ? { type: CfgAttribute.INTERNAL_IP4_ADDRESS, value: bytes }
        : { type: CfgAttribute.INTERNAL_IP6_ADDRESS, value: Uint8Array.from([...bytes, 128]) },
    );
  }
  for (const server of connection.dnsServers ?? []) {
    const bytes = parseAddress(server);
    if (bytes === undefined || !assigned.some((a) => a.includes(":") === (bytes.length === 16))) continue;
    attributes.push({
      type: bytes.length === 4 ? CfgAttribute.INTERNAL_IP4_DNS : CfgAttribute.INTERNAL_IP6_DNS,
      value: bytes,
    });
  }
  return [{ kind: "CP", cfgType: CfgType.REPLY, attributes }];
}
