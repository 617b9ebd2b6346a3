import { expect, it } from "vitest";
import { junitXml } from "../../src/validate/junit.ts";

it("counts and escapes", () => {
  const xml = junitXml("a<b", [
    { group: "tunnels", name: "x & y", seconds: 0, failure: undefined },
    { group: "traffic", name: "z", seconds: 1.5, failure: 'lost "3" > 0' },
  ]);
  expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1">
  <testsuite name="a&lt;b" tests="2" failures="1">
    <testcase classname="a&lt;b.tunnels" name="x &amp; y" time="0.000"/>
    <testcase classname="a&lt;b.traffic" name="z" time="1.500">
      <failure message="lost &quot;3&quot; &gt; 0"/>
    </testcase>
  </testsuite>
</testsuites>
`);
});
