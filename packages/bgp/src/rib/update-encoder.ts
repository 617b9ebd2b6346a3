/**
 * Reading list: RFC 4271 §4.3; RFC 4760 §3-5; RFC 7606 §5.1 (MP attributes first); RFC 4724 §2 (End-of-RIB).
 * Packs prefixes into UPDATE messages of one attribute set each, up to 4,096 bytes.
 *
 *      header(19) withdrawn length(2) withdrawn... attributes length(2) attributes... NLRI...
 */
import type { Family } from "../config.ts";
import { HEADER_LENGTH, MAXIMUM_MESSAGE_LENGTH, WRITE_BYTES } from "../constants.ts";
import { AttributeFlag, AttributeType, MessageType, Safi } from "../iana.ts";
import { familyAfi } from "../message/capability.ts";
import { encodeHeader } from "../message/header.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** A prefix in NLRI: length and up to 4 or 16 octets. */
export const MAXIMUM_NLRI: Readonly<Record<Family, number>> = { "ipv4-unicast": 5, "ipv6-unicast": 17 };

/** Attributes that leave room for no prefix are not sent at all. */
export const MAXIMUM_ATTRIBUTES: number = MAXIMUM_MESSAGE_LENGTH - HEADER_LENGTH - 64;

/** Messages are written one after the other into one buffer, which is taken as a whole. */
export class UpdateEncoder {
  #out: Uint8Array = new Uint8Array(WRITE_BYTES * 2);
  #end = 0;
  /** Messages since the last `take`. */
  messages = 0;

  get length(): number {
    return this.#end;
  }

  /** A copy of everything written since the last call; the buffer is used again. */
  take(): Uint8Array {
    const bytes = this.#out.slice(0, this.#end);
    this.#end = 0;
    return bytes;
  }

  /** Announces prefixes[from..to) with `attributes` (NEXT_HOP inside, for IPv4) or `nextHop` in MP_REACH_NLRI. */
  announce(
    family: Family,
    table: PrefixTable,
    attributes: Uint8Array,
    nextHop: Uint8Array,
    prefixes: ArrayLike<number>,
    count: number,
  ): void {
    if (family === "ipv4-unicast") this.#announceIpv4(table, attributes, prefixes, count);
    else this.#announceMp(family, table, attributes, nextHop, prefixes, count);
  }

  withdraw(family: Family, table: PrefixTable, prefixes: ArrayLike<number>, count: number): void {
    let i = 0;
    while (i < count) {
      const start = this.#begin();
      let at = start + HEADER_LENGTH + 2;
      const limit = start + MAXIMUM_MESSAGE_LENGTH - 2 - MAXIMUM_NLRI[family];
      if (family !== "ipv4-unicast") {
        this.#set16(at - 2, 0);
        at = this.#mpHeader(at + 2, AttributeType.MP_UNREACH_NLRI, family);
        const valueStart = at - 3;
        while (i < count && at <= limit) at = table.write(prefixes[i++]!, this.#out, at);
        this.#set16(valueStart - 2, at - valueStart);
        this.#set16(start + HEADER_LENGTH + 2, at - start - HEADER_LENGTH - 4);
      } else {
        while (i < count && at <= limit) at = table.write(prefixes[i++]!, this.#out, at);
        this.#set16(start + HEADER_LENGTH, at - start - HEADER_LENGTH - 2);
        this.#set16(at, 0);
        at += 2;
      }
      this.#finish(start, at);
    }
  }

  /** RFC 4724 §2: an UPDATE that says nothing, or an empty MP_UNREACH_NLRI. */
  endOfRib(family: Family): void {
    const start = this.#begin();
    let at = start + HEADER_LENGTH;
    this.#set16(at, 0);
    this.#set16(at + 2, family === "ipv4-unicast" ? 0 : 6);
    at += 4;
    if (family !== "ipv4-unicast") {
      this.#out.set([AttributeFlag.OPTIONAL, AttributeType.MP_UNREACH_NLRI, 3], at);
      this.#out.set([0, familyAfi(family), Safi.UNICAST], at + 3);
      at += 6;
    }
    this.#finish(start, at);
  }

  #announceIpv4(
    table: PrefixTable,
    attributes: Uint8Array,
    prefixes: ArrayLike<number>,
    count: number,
  ): void {
    let i = 0;
    while (i < count) {
      const start = this.#begin();
      const limit = start + MAXIMUM_MESSAGE_LENGTH - MAXIMUM_NLRI["ipv4-unicast"];
      let at = start + HEADER_LENGTH;
      this.#set16(at, 0);
      this.#set16(at + 2, attributes.length);
      at += 4;
      this.#out.set(attributes, at);
      at += attributes.length;
      while (i < count && at <= limit) at = table.write(prefixes[i++]!, this.#out, at);
      this.#finish(start, at);
    }
  }

  #announceMp(
    family: Family,
    table: PrefixTable,
    attributes: Uint8Array,
    nextHop: Uint8Array,
    prefixes: ArrayLike<number>,
    count: number,
  ): void {
    let i = 0;
    while (i < count) {
      const start = this.#begin();
      const limit = start + MAXIMUM_MESSAGE_LENGTH - attributes.length - MAXIMUM_NLRI[family];
      let at = start + HEADER_LENGTH;
      this.#set16(at, 0);
      at = this.#mpHeader(at + 4, AttributeType.MP_REACH_NLRI, family);
      const valueStart = at - 3;
      this.#out[at++] = nextHop.length;
      this.#out.set(nextHop, at);
      at += nextHop.length;
      this.#out[at++] = 0;
      while (i < count && at <= limit) at = table.write(prefixes[i++]!, this.#out, at);
      this.#set16(valueStart - 2, at - valueStart);
      this.#out.set(attributes, at);
      at += attributes.length;
      this.#set16(start + HEADER_LENGTH + 2, at - start - HEADER_LENGTH - 4);
      this.#finish(start, at);
    }
  }

  /** Attribute header with a 2-octet length to be filled in, then AFI and SAFI. */
  #mpHeader(at: number, type: number, family: Family): number {
    this.#out.set([AttributeFlag.OPTIONAL | AttributeFlag.EXTENDED_LENGTH, type, 0, 0], at);
    this.#out.set([0, familyAfi(family), Safi.UNICAST], at + 4);
    return at + 7;
  }

  #begin(): number {
    if (this.#out.length - this.#end < MAXIMUM_MESSAGE_LENGTH) {
      const grown = new Uint8Array(this.#out.length * 2);
      grown.set(this.#out);
      this.#out = grown;
    }
    return this.#end;
  }

  #finish(start: number, end: number): void {
    encodeHeader(this.#out, start, end - start, MessageType.UPDATE);
    this.#end = end;
    this.messages++;
  }

  #set16(at: number, value: number): void {
    this.#out[at] = value >>> 8;
    this.#out[at + 1] = value & 0xff;
  }
}
