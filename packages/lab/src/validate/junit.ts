/** JUnit's XML, the subset that CI systems read: testsuites, testsuite, testcase, failure. */
import type { CheckResult } from "./run-checks.ts";

export function junitXml(suite: string, results: readonly CheckResult[]): string {
  const failures = results.filter(({ failure }) => failure !== undefined).length;
  const cases = results.map(({ group, name, seconds, failure }) => {
    const head = `    <testcase classname="${escapeXml(`${suite}.${group}`)}" name="${escapeXml(name)}" time="${seconds.toFixed(3)}"`;
    return failure === undefined
      ? `${head}/>`
      : `${head}>\n      <failure message="${escapeXml(failure)}"/>\n    </testcase>`;
  });
  const counts = `tests="${results.length}" failures="${failures}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
  <testsuite name="${escapeXml(suite)}" ${counts}>
${cases.join("\n")}
  </testsuite>
</testsuites>
`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
