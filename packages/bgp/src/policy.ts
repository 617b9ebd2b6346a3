/**
 * Import and export policy as data: a list of statements, tried in order; the first whose matches all hold and
 * whose `action` is not `continue` decides. What nothing decides gets `otherwise`.
 */

/** "10.0.0.0/16", with bounds on the length of the prefixes inside it; the default is that prefix alone. */
export interface PrefixRange {
  readonly prefix: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** Where a route comes from: originated here, or learned over one kind of session. */
export type RouteSource = "network" | "ebgp" | "ibgp";

export interface PolicyMatch {
  /** Any of these ranges holds the prefix. */
  readonly prefixes?: readonly PrefixRange[];
  /** The prefix has addresses in common with any of these: equal, inside, or around it. */
  readonly overlaps?: readonly string[];
  readonly sources?: readonly RouteSource[];
  /** The tag given to an originated network. */
  readonly tags?: readonly string[];
  /** Any of these standard communities, "65000:100" or a well-known name ("no-export"). */
  readonly communities?: readonly string[];
  /** Any of these large communities, "65000:1:2" (RFC 8092). */
  readonly largeCommunities?: readonly string[];
  /** The AS path holds any of these ASNs. */
  readonly asPathContains?: readonly number[];
  readonly asPathLength?: { readonly min?: number; readonly max?: number };
}

export interface PolicySet {
  readonly localPref?: number;
  /** Null removes MED. */
  readonly med?: number | null;
  /** How many times our own ASN is put in front (on export, besides the one that eBGP puts there anyway). */
  readonly prepend?: number;
  readonly addCommunities?: readonly string[];
  readonly removeCommunities?: readonly string[];
  readonly addLargeCommunities?: readonly string[];
  readonly removeLargeCommunities?: readonly string[];
}

export interface PolicyStatement {
  /** Shown by `why`; cite the rule's source here. */
  readonly name: string;
  readonly match?: PolicyMatch;
  readonly set?: PolicySet;
  readonly action: "accept" | "reject" | "continue";
}

export interface Policy {
  readonly statements: readonly PolicyStatement[];
  /** Default accept. */
  readonly otherwise?: "accept" | "reject";
}
