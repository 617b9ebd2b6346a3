/** The matrix of matrix.ts, one test per meeting. TANDEM_INTEROP_PAGE=FILE writes what was seen as a page. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KeyType, makeTestAuthority, type TestAuthority } from "./certificates.ts";
import { type CaseResult, interopPage } from "./interop-page.ts";
import { AUTHS, caseName, coveringRows, interopCases } from "./matrix.ts";
import { MeetingPlace, OUR_ID, THEIR_ID } from "./meeting.ts";
import { TwoNetworks } from "./two-networks.ts";

const full = process.env.TANDEM_FULL === "1";
const page = process.env.TANDEM_INTEROP_PAGE;
/** By name: the lab ring gives a failing test one more run, and its last result counts. */
const results = new Map<string, CaseResult>();
let place: MeetingPlace;

beforeAll(() => {
  const types = AUTHS.filter((auth): auth is KeyType => auth !== "psk");
  const authorities = new Map(
    types.map((type): [KeyType, TestAuthority] => [type, makeTestAuthority(type, [OUR_ID, THEIR_ID])]),
  );
  place = new MeetingPlace(new TwoNetworks("ikm"), authorities);
});

afterAll(async () => {
  const peer = await place.peerVersion();
  await place.close();
  if (page === undefined) return;
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(page, interopPage([...results.values()], { peer, node: process.version, date, full }));
});

describe("the engine and charon", () => {
  for (const one of interopCases(full)) {
    it(caseName(one), async () => {
      const begun = performance.now();
      const record = (passed: boolean): void =>
        void results.set(caseName(one), {
          case: one,
          passed,
          attempts: (results.get(caseName(one))?.attempts ?? 0) + 1,
          milliseconds: performance.now() - begun,
        });
      const { feature, ...rest } = one;
      const plan = { ...rest, ...feature.demand?.(rest) };
      try {
        await feature.run(await place.meet(plan));
        record(true);
      } catch (error) {
        record(false);
        throw error;
      }
    });
  }
});

describe("the covering subset", () => {
  it("has every pair of values of two columns", () => {
    const columns = [
      ["a", "b", "c"],
      ["x", "y"],
      ["1", "2"],
    ];
    const rows = coveringRows(columns);
    expect(rows.length).toBeLessThan(12);
    for (const [i, left] of columns.entries())
      for (const [j, right] of columns.entries())
        if (i < j)
          for (const a of left)
            for (const b of right) expect(rows.some((row) => row[i] === a && row[j] === b)).toBe(true);
  });
});
