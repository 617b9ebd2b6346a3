import { expect, it } from "vitest";
import { childSaUpEvent } from "../../src/seat/seat-events.ts";

const up = { kind: "child-sa-up", childSa: "gw/0.1/child-3", spiIn: 0x2a, spiOut: 0xb0b } as Parameters<
  typeof childSaUpEvent
>[0];

it.each([
  ["child.up", {}, ""],
  ["child.rekeyed", { replaces: "gw/0.1/child-2", rekeyed: true }, ", replaces gw/0.1/child-2"],
  ["child.replaced", { replaces: "gw/0.1/child-2", rekeyed: false }, ", replaces gw/0.1/child-2"],
])("a Child SA's coming is told as %s", (event, over, instead) => {
  expect(childSaUpEvent({ ...up, ...over })).toEqual({
    event,
    message: `Child SA gw/0.1/child-3 in 0000002a out 00000b0b${instead}`,
    childSa: "gw/0.1/child-3",
  });
});
