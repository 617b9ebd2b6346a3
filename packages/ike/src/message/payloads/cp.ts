/** Configuration payload (RFC 7296 §3.15). */
import { concatBytes } from "@tandem/crypto";
import { CFG_ATTRIBUTES_MAX } from "../../constants.ts";
import { type Malformed, malformed, readU16, u16 } from "../octets.ts";

export interface CfgAttributeValue {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface CpPayload {
  readonly kind: "CP";
  readonly cfgType: number;
  readonly attributes: readonly CfgAttributeValue[];
}

export function decodeCp(body: Uint8Array): CpPayload | Malformed {
  if (body.length < 4) return malformed("CP payload cut short");
  const attributes: CfgAttributeValue[] = [];
  let at = 4;
  while (at < body.length) {
    if (attributes.length >= CFG_ATTRIBUTES_MAX)
      return malformed(`more than ${CFG_ATTRIBUTES_MAX} CP attributes`);
    if (body.length - at < 4) return malformed("CP attribute cut short");
    const length = readU16(body, at + 2);
    if (length > body.length - at - 4) return malformed(`CP attribute length ${length}`);
    attributes.push({ type: readU16(body, at) & 0x7fff, value: body.slice(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return { kind: "CP", cfgType: body[0]!, attributes };
}

export function encodeCp(payload: CpPayload): Uint8Array {
  return concatBytes(
    Uint8Array.of(payload.cfgType, 0, 0, 0),
    ...payload.attributes.map((a) => concatBytes(u16(a.type), u16(a.value.length), a.value)),
  );
}
