/**
 * Reading list: RFC 4271 §6.3 (a prefix that is semantically incorrect is ignored); RFC 6890 §2.2.
 * Destinations that no unicast route can have.
 */
import type { PrefixTable } from "./prefix-table.ts";

/** Multicast and above, loopback; in IPv6 multicast and link-local, loopback and "none". */
export function isMartian(table: PrefixTable, id: number): boolean {
  const first = table.w0[id]!;
  if (!table.wide) return first >>> 29 === 7 || first >>> 24 === 127;
  if (first >>> 24 === 0xff || first >>> 22 === 0x3fa) return true;
  return (
    first === 0 &&
    table.bits[id] === 128 &&
    table.w1[id] === 0 &&
    table.w2[id] === 0 &&
    table.w3[id]! >>> 1 === 0
  );
}
