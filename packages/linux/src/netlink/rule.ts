/** Policy rules: RTM_NEWRULE (struct fib_rule_hdr: family, dst length, src length, tos, table, reserved 2, action u8; flags u32). */
import { parsePrefix } from "@tandem/wire";
import { AF_INET, AF_INET6 } from "../message.ts";
import {
  type Attribute,
  attribute,
  attributeText,
  attributeU32,
  NetlinkFlag,
  type NetlinkRequest,
} from "./message.ts";

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_OIFNAME = 17;

const actions = { table: 1, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

export interface Rule {
  readonly family: 4 | 6;
  /** Lower is looked at first. */
  readonly priority: number;
  readonly from?: string;
  readonly to?: string;
  /** Interface a packet came in by; "lo" for what this host sends. */
  readonly inputInterface?: string;
  readonly outputInterface?: string;
  readonly mark?: number;
  /** Looked up when the action is "table". */
  readonly table?: number;
  /** Default "table". */
  readonly action?: keyof typeof actions;
}

/** Refused with EEXIST when the same rule stands. */
export const ruleAdd = (rule: Rule): NetlinkRequest =>
  request(RTM_NEWRULE, NetlinkFlag.create | NetlinkFlag.exclusive, rule);

export const ruleDelete = (rule: Rule): NetlinkRequest => request(RTM_DELRULE, 0, rule);

function request(type: number, flags: number, rule: Rule): NetlinkRequest {
  const fixed = new Uint8Array(12);
  fixed[0] = rule.family === 6 ? AF_INET6 : AF_INET;
  fixed[7] = actions[rule.action ?? "table"];
  const attributes: Attribute[] = [attributeU32(FRA_PRIORITY, rule.priority)];
  for (const [text, option, at] of [
    [rule.to, FRA_DST, 1],
    [rule.from, FRA_SRC, 2],
  ] as const) {
    if (text === undefined) continue;
    const prefix = parsePrefix(text);
    if (prefix?.family !== rule.family) throw new RangeError(`"${text}" is no IPv${rule.family} prefix`);
    fixed[at] = prefix.length;
    if (prefix.length > 0) attributes.push(attribute(option, prefix.bytes));
  }
  if (rule.inputInterface !== undefined) attributes.push(attributeText(FRA_IIFNAME, rule.inputInterface));
  if (rule.outputInterface !== undefined) attributes.push(attributeText(FRA_OIFNAME, rule.outputInterface));
  if (rule.mark !== undefined) attributes.push(attributeU32(FRA_FWMARK, rule.mark));
  if (rule.table !== undefined) {
    fixed[4] = rule.table < 256 ? rule.table : 0;
    attributes.push(attributeU32(FRA_TABLE, rule.table));
  }
  return { type, flags, fixed, attributes, what: `rule ${rule.priority}` };
}
