/** Reading list: RFC 7606 §6. A malformed UPDATE in words: the prefixes it was about, and all of its bytes. */
import { makePrefix } from "@tandem/wire";
import { decodeAttributes } from "./attributes/decode.ts";
import { decodeUpdate, newUpdateSections } from "./message/update.ts";

/** "announces 192.0.2.0/24; withdraws none; UPDATE ffff..."; prefixes as far as they can be read. */
export function describeUpdate(bytes: Uint8Array, start: number, end: number, fourOctetAs: boolean): string {
  const s = newUpdateSections();
  decodeUpdate(bytes, start, end, s);
  const limit = (at: number): number => Math.min(at, end);
  const d = decodeAttributes(bytes, limit(s.attributesStart), limit(s.attributesEnd), {
    external: true,
    fourOctetAs,
  });
  const announced = prefixes(bytes, limit(s.nlriStart), limit(s.nlriEnd), 4);
  const withdrawn = prefixes(bytes, limit(s.withdrawnStart), limit(s.withdrawnEnd), 4);
  const octets = (family: string): number => (family === "ipv4-unicast" ? 4 : 16);
  for (const [range, into] of [
    [d.mpReach, announced],
    [d.mpUnreach, withdrawn],
  ] as const) {
    if (range?.family !== undefined)
      into.push(...prefixes(bytes, range.start, range.end, octets(range.family)));
  }
  const list = (texts: readonly string[]): string => (texts.length === 0 ? "none" : texts.join(" "));
  return `announces ${list(announced)}; withdraws ${list(withdrawn)}; UPDATE ${hex(bytes.subarray(start, end))}`;
}

/** Up to the first that cannot be read. */
function prefixes(bytes: Uint8Array, start: number, end: number, octets: number): string[] {
  const texts: string[] = [];
  for (let at = start; at < end; ) {
    const bits = bytes[at]!;
    const length = (bits + 7) >> 3;
    if (bits > octets * 8 || at + 1 + length > end) break;
    const address = new Uint8Array(octets);
    address.set(bytes.subarray(at + 1, at + 1 + length));
    texts.push(makePrefix(address, bits).text);
    at += 1 + length;
  }
  return texts;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
