/** Edits to a lab file's JSON value, in the words of `connection add|remove|set`. Each returns a new value. */
import { LabError } from "../lab-error.ts";

type Json = Record<string, unknown>;
interface Resource extends Json {
  name: string;
  properties: Json;
}

const LISTS = ["virtualNetworks", "publicIPAddresses", "localNetworkGateways", "connections"] as const;

export interface ConnectionChange {
  readonly sharedKey?: string;
  /** The cloud's IpsecPolicy; null: back to the cloud's defaults. */
  readonly ipsecPolicy?: Json | null;
  /** Address space of the connection's local network gateway. */
  readonly prefixes?: readonly string[];
  readonly connectionMode?: string;
  readonly dpdTimeoutSeconds?: number;
}

export function removeConnection(file: unknown, name: string): Json {
  const copy = copyOf(file);
  const connections = listOf(copy, "connections");
  find(copy, "connections", name);
  copy.connections = connections.filter((one) => one.name !== name);
  return copy;
}

/** `addition` is a connection resource, or an object with lists of resources as in a lab file. */
export function addConnection(file: unknown, addition: unknown): Json {
  const copy = copyOf(file);
  if (typeof addition !== "object" || addition === null)
    throw new LabError("the addition is not a JSON object");
  const lists: Json = "properties" in addition ? { connections: [addition] } : { ...addition };
  for (const [key, value] of Object.entries(lists)) {
    const list = LISTS.find((one) => one === key);
    if (list === undefined || !Array.isArray(value)) {
      throw new LabError(
        `"${key}" cannot be added to a running lab: devices, hosts and links are laid out when it comes up`,
        `put it into the lab file and bring the lab down and up; what can be added: ${LISTS.join(", ")}`,
      );
    }
    const present = listOf(copy, list);
    for (const resource of value as Resource[]) {
      if (present.some(({ name }) => name === resource.name)) {
        throw new LabError(
          `${list} has "${resource.name}" already`,
          "use another name, or ./tandem connection set",
        );
      }
    }
    copy[list] = [...present, ...(value as Resource[])];
  }
  return copy;
}

export function changeConnection(file: unknown, name: string, change: ConnectionChange): Json {
  const copy = copyOf(file);
  const { properties } = find(copy, "connections", name);
  if (change.sharedKey !== undefined) properties.sharedKey = change.sharedKey;
  if (change.ipsecPolicy !== undefined)
    properties.ipsecPolicies = change.ipsecPolicy === null ? [] : [change.ipsecPolicy];
  if (change.connectionMode !== undefined) properties.connectionMode = change.connectionMode;
  if (change.dpdTimeoutSeconds !== undefined) properties.dpdTimeoutSeconds = change.dpdTimeoutSeconds;
  if (change.prefixes !== undefined) {
    const reference = referenceName(properties.localNetworkGateway2);
    if (reference === undefined) {
      throw new LabError(
        `connection "${name}" leads to no local network gateway, so it has no prefixes of its own`,
      );
    }
    find(copy, "localNetworkGateways", reference).properties.localNetworkAddressSpace = {
      addressPrefixes: [...change.prefixes],
    };
  }
  return copy;
}

function copyOf(file: unknown): Json {
  return structuredClone(file) as Json;
}

function listOf(file: Json, list: (typeof LISTS)[number]): Resource[] {
  return (file[list] as Resource[] | undefined) ?? [];
}

function find(file: Json, list: (typeof LISTS)[number], name: string): Resource {
  const all = listOf(file, list);
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new LabError(
    `there is no "${name}" among the lab's ${list}`,
    `there are: ${all.map((one) => one.name).join(", ")}`,
  );
}

/** A name, or the last segment of an id. */
function referenceName(reference: unknown): string | undefined {
  const text =
    typeof reference === "object" && reference !== null && "id" in reference ? reference.id : reference;
  return typeof text === "string" ? text.split("/").at(-1) : undefined;
}
