/**
 * Security Association payload: proposals, transforms, attributes (RFC 7296 §3.3). Transforms are kept as numbers;
 * what they mean is proposal.ts's business, so unknown ones survive for the transcript.
 */
import { bytesToHex, concatBytes, hexToBytes } from "@tandem/crypto";
import { PROPOSALS_MAX, TRANSFORMS_MAX } from "../../constants.ts";
import { ATTRIBUTE_KEY_LENGTH } from "../../iana.ts";
import { isMalformed, type Malformed, malformed, readU16, u16 } from "../octets.ts";

export interface Transform {
  readonly type: number;
  readonly id: number;
  readonly keyBits?: number;
  /** An attribute other than the key length: the transform cannot be chosen (RFC 7296 §3.3.6). */
  readonly unknownAttribute?: boolean;
}

export interface WireProposal {
  readonly number: number;
  readonly protocol: number;
  /** Hexadecimal, empty in IKE_SA_INIT. */
  readonly spi: string;
  readonly transforms: readonly Transform[];
}

export interface SaPayload {
  readonly kind: "SA";
  readonly proposals: readonly WireProposal[];
}

export function decodeSa(body: Uint8Array): SaPayload | Malformed {
  const proposals: WireProposal[] = [];
  let at = 0;
  for (let more = true; more; ) {
    if (proposals.length >= PROPOSALS_MAX) return malformed(`more than ${PROPOSALS_MAX} proposals`);
    if (body.length - at < 8) return malformed("proposal cut short");
    const length = readU16(body, at + 2);
    const spiLength = body[at + 6]!;
    if (length < 8 + spiLength || length > body.length - at) return malformed(`proposal length ${length}`);
    const transforms = decodeTransforms(body.subarray(at + 8 + spiLength, at + length), body[at + 7]!);
    if (isMalformed(transforms)) return transforms;
    proposals.push({
      number: body[at + 4]!,
      protocol: body[at + 5]!,
      spi: bytesToHex(body.subarray(at + 8, at + 8 + spiLength)),
      transforms,
    });
    const last = body[at]!;
    if (last !== 0 && last !== 2) return malformed(`proposal's last-substructure field ${last}`);
    more = last === 2;
    at += length;
  }
  if (at !== body.length) return malformed("octets after the last proposal");
  return { kind: "SA", proposals };
}

function decodeTransforms(bytes: Uint8Array, count: number): Transform[] | Malformed {
  if (count > TRANSFORMS_MAX) return malformed(`more than ${TRANSFORMS_MAX} transforms`);
  const transforms: Transform[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (bytes.length - at < 8) return malformed("transform cut short");
    const length = readU16(bytes, at + 2);
    if (length < 8 || length > bytes.length - at) return malformed(`transform length ${length}`);
    const expected = i === count - 1 ? 0 : 3;
    if (bytes[at] !== expected) return malformed(`transform's last-substructure field ${bytes[at]}`);
    const attributes = decodeAttributes(bytes.subarray(at + 8, at + length));
    if (isMalformed(attributes)) return attributes;
    transforms.push({ type: bytes[at + 4]!, id: readU16(bytes, at + 6), ...attributes });
    at += length;
  }
  if (at !== bytes.length) return malformed("octets after the last transform");
  return transforms;
}

function decodeAttributes(bytes: Uint8Array): { keyBits?: number; unknownAttribute?: true } | Malformed {
  const found: { keyBits?: number; unknownAttribute?: true } = {};
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 4) return malformed("transform attribute cut short");
    const type = readU16(bytes, at);
    if ((type & 0x8000) !== 0) {
      if ((type & 0x7fff) === ATTRIBUTE_KEY_LENGTH) found.keyBits = readU16(bytes, at + 2);
      else found.unknownAttribute = true;
      at += 4;
    } else {
      const length = readU16(bytes, at + 2);
      if (length > bytes.length - at - 4) return malformed("transform attribute cut short");
      found.unknownAttribute = true;
      at += 4 + length;
    }
  }
  return found;
}

export function encodeSa(payload: SaPayload): Uint8Array {
  return concatBytes(
    ...payload.proposals.map((proposal, i) => {
      const spi = hexToBytes(proposal.spi);
      const transforms = concatBytes(
        ...proposal.transforms.map((t, j) => encodeTransform(t, j === proposal.transforms.length - 1)),
      );
      return concatBytes(
        Uint8Array.of(i === payload.proposals.length - 1 ? 0 : 2, 0),
        u16(8 + spi.length + transforms.length),
        Uint8Array.of(proposal.number, proposal.protocol, spi.length, proposal.transforms.length),
        spi,
        transforms,
      );
    }),
  );
}

function encodeTransform(transform: Transform, last: boolean): Uint8Array {
  const attribute =
    transform.keyBits === undefined
      ? new Uint8Array(0)
      : concatBytes(u16(0x8000 | ATTRIBUTE_KEY_LENGTH), u16(transform.keyBits));
  return concatBytes(
    Uint8Array.of(last ? 0 : 3, 0),
    u16(8 + attribute.length),
    Uint8Array.of(transform.type, 0),
    u16(transform.id),
    attribute,
  );
}
