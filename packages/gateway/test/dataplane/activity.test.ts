import { expect, it } from "vitest";
import { Activity } from "../../src/dataplane/activity.ts";
import type { InstalledSa } from "../../src/dataplane/tunnel.ts";

/** 5,000 SAs of two seats; every look at one is counted. */
function manySas() {
  const looks = new Map<string, number>();
  const sas = Array.from({ length: 5_000 }, (_, i): InstalledSa => {
    const id = `child-${i}`;
    const tunnel = { seat: `s${i % 2}`, installed: new Map<string, InstalledSa>() };
    const installed = { sa: { id }, tunnel, heard: false, touched: false } as unknown as InstalledSa;
    const counted = new Proxy(installed, {
      get: (target, key) => {
        looks.set(id, (looks.get(id) ?? 0) + 1);
        return Reflect.get(target, key);
      },
    });
    tunnel.installed.set(id, counted);
    return counted;
  });
  return { sas, looks };
}

it("tells who was active, once, by seat, and looks at no idle one", () => {
  const { sas, looks } = manySas();
  const heard = new Activity("heard");
  for (const i of [7, 4_000, 7, 9]) heard.note(sas[i]!);
  expect(heard.take("s1")).toEqual(["child-7", "child-9"]);
  expect(heard.take("s1")).toEqual([]);
  expect(heard.take("s0")).toEqual(["child-4000"]);
  heard.note(sas[7]!);
  expect(heard.take("s1")).toEqual(["child-7"]);
  expect([...looks.keys()].sort()).toEqual(["child-4000", "child-7", "child-9"]);
});

it("does not tell of one that has been removed since", () => {
  const { sas } = manySas();
  const touched = new Activity("touched");
  touched.note(sas[3]!);
  sas[3]!.tunnel.installed.clear();
  expect(touched.take("s1")).toEqual([]);
});
