/** Traffic Selector payloads TSi and TSr (RFC 7296 §3.13). */
import { concatBytes } from "@tandem/crypto";
import { formatAddress, parseAddress } from "@tandem/wire";
import type { TrafficSelector } from "../../config.ts";
import { SELECTORS_MAX } from "../../constants.ts";
import { TsType } from "../../iana.ts";
import { type Malformed, malformed, readU16, u16 } from "../octets.ts";

export interface TsPayload {
  readonly kind: "TSi" | "TSr";
  readonly selectors: readonly TrafficSelector[];
  /** Selectors of types that we do not know: skipped (RFC 7296 §2.9 lets us narrow them away), but counted. */
  readonly unknown: number;
}

export function decodeTs(kind: "TSi" | "TSr", body: Uint8Array): TsPayload | Malformed {
  if (body.length < 4) return malformed(`${kind} payload cut short`);
  const count = body[0]!;
  if (count === 0 || count > SELECTORS_MAX) return malformed(`${kind} payload with ${count} selectors`);
  const selectors: TrafficSelector[] = [];
  let unknown = 0;
  let at = 4;
  for (let i = 0; i < count; i++) {
    if (body.length - at < 8) return malformed(`selector of ${kind} cut short`);
    const type = body[at]!;
    const length = readU16(body, at + 2);
    if (length < 8 || length > body.length - at) return malformed(`selector length ${length} in ${kind}`);
    const size = type === TsType.IPV4_ADDR_RANGE ? 4 : type === TsType.IPV6_ADDR_RANGE ? 16 : 0;
    if (size === 0) unknown++;
    else {
      if (length !== 8 + 2 * size) return malformed(`selector length ${length} in ${kind}`);
      selectors.push({
        protocol: body[at + 1]!,
        startPort: readU16(body, at + 4),
        endPort: readU16(body, at + 6),
        startAddress: formatAddress(body.subarray(at + 8, at + 8 + size)),
        endAddress: formatAddress(body.subarray(at + 8 + size, at + 8 + 2 * size)),
      });
    }
    at += length;
  }
  if (at !== body.length) return malformed(`octets after the last selector of ${kind}`);
  return { kind, selectors, unknown };
}

export function encodeTs(payload: Pick<TsPayload, "selectors">): Uint8Array {
  return concatBytes(
    Uint8Array.of(payload.selectors.length, 0, 0, 0),
    ...payload.selectors.map((selector) => {
      const start = parseAddress(selector.startAddress)!;
      const end = parseAddress(selector.endAddress)!;
      return concatBytes(
        Uint8Array.of(
          start.length === 4 ? TsType.IPV4_ADDR_RANGE : TsType.IPV6_ADDR_RANGE,
          selector.protocol,
        ),
        u16(8 + 2 * start.length),
        u16(selector.startPort),
        u16(selector.endPort),
        start,
        end,
      );
    }),
  );
}
