/**
 * The table of meetings with strongSwan: suites x roles x authentication, and features x roles. CI runs a covering subset
 * in which every pair of values of two columns occurs; TANDEM_FULL=1 runs every combination of the first table, and every
 * feature with every IKE suite.
 */
import { FEATURES, type Feature } from "./features.ts";
import type { AuthName, Role } from "./meeting.ts";

/** The first five of each are those that issue "From a fresh clone to a real tunnel" names. */
export const IKE_SUITES = [
  "aes256gcm16-prfsha256-ecp256",
  "aes128-sha1-modp1024",
  "aes256-sha256-modp2048",
  "aes256gcm16-prfsha384-ecp384",
  "chacha20poly1305-prfsha256-x25519",
  "aes256-sha512-ecp521",
  "aes192-sha384-modp3072",
  "3des-sha1-modp1024",
  "aes128gcm16-prfsha256-modp2048s256",
] as const;

export const ESP_SUITES = [
  "aes128gcm16",
  "aes256gcm16",
  "aes256-sha1",
  "aes256-sha256",
  "chacha20poly1305",
  "aes192gcm16",
  "aes128-sha384",
  "3des-sha1",
  "null-sha256",
] as const;

export const ROLES: readonly Role[] = ["tandem", "charon"];
export const AUTHS: readonly AuthName[] = ["psk", "rsa", "ecdsa", "ed25519"];

export interface InteropCase {
  readonly feature: Feature;
  readonly ike: string;
  readonly esp: string;
  readonly initiator: Role;
  readonly auth: AuthName;
}

export function caseName({ feature, ike, esp, initiator, auth }: InteropCase): string {
  return `${feature.name}: ${initiator} initiates, ${auth}, ${ike}, ${esp}`;
}

const ESTABLISH = FEATURES[0]!;

export function interopCases(full: boolean): InteropCase[] {
  return [...suiteCases(full), ...featureCases(full)];
}

function suiteCases(full: boolean): InteropCase[] {
  const columns = [IKE_SUITES, ESP_SUITES, ROLES, AUTHS] as const;
  const rows = full ? everyRow(columns) : coveringRows(columns);
  return rows.map(([ike, esp, initiator, auth]) => ({
    feature: ESTABLISH,
    ike: ike!,
    esp: esp!,
    initiator: initiator as Role,
    auth: auth as AuthName,
  }));
}

/** Suites and authentication rotate from feature to feature, so that none is tied to one of them. */
function featureCases(full: boolean): InteropCase[] {
  let turn = 0;
  const next = <T>(list: readonly T[], step: number): T => list[(turn * step) % list.length]!;
  const cases: InteropCase[] = [];
  for (const feature of FEATURES.slice(1)) {
    for (const initiator of feature.initiators ?? ROLES) {
      for (const ike of full ? IKE_SUITES : [next(IKE_SUITES, 1)]) {
        cases.push({
          feature,
          ike,
          esp: next(ESP_SUITES, 2),
          initiator,
          auth: feature.auth ?? next(AUTHS, 3),
        });
        turn++;
      }
    }
  }
  return cases;
}

type Columns = readonly (readonly string[])[];

function everyRow(columns: Columns): string[][] {
  return columns.reduce<string[][]>(
    (rows, column) => rows.flatMap((row) => column.map((value) => [...row, value])),
    [[]],
  );
}

/**
 * Greedy: each row is the one that covers the most pairs not seen yet; of equals the one whose values were used least.
 * Deterministic.
 */
export function coveringRows(columns: Columns): string[][] {
  const pairsOf = (row: readonly string[]): string[] =>
    row.flatMap((a, i) => row.slice(i + 1).map((b, j) => `${i} ${a} ${i + 1 + j} ${b}`));
  const every = everyRow(columns).map((row) => ({ row, pairs: pairsOf(row) }));
  const missing = new Set(every.flatMap(({ pairs }) => pairs));
  const used = new Map<string, number>();
  const usage = (row: readonly string[]): number =>
    row.reduce((sum, value, i) => sum + (used.get(`${i} ${value}`) ?? 0), 0);
  const chosen: string[][] = [];
  while (missing.size > 0) {
    let best = every[0]!;
    let gain = 0;
    for (const candidate of every) {
      const covers = candidate.pairs.filter((pair) => missing.has(pair)).length;
      if (covers < gain || (covers === gain && usage(candidate.row) >= usage(best.row))) continue;
      best = candidate;
      gain = covers;
    }
    for (const pair of best.pairs) missing.delete(pair);
    for (const [i, value] of best.row.entries())
      used.set(`${i} ${value}`, (used.get(`${i} ${value}`) ?? 0) + 1);
    chosen.push(best.row);
  }
  return chosen;
}
