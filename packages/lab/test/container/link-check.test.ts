import { expect, it } from "vitest";
import { type CheckedLink, droppedLink, type Runner } from "../../src/container/link-check.ts";

const link: CheckedLink = {
  interface: "out",
  own: "10.99.0.2",
  peer: "10.99.0.1",
  peerDocker: "10.213.4.3",
};

/** Which addresses answer a ping, and which are known by ARP. */
const host =
  (answers: readonly string[], resolved: readonly string[]): Runner =>
  async (argv) => {
    if (argv[0] === "ip") {
      const address = argv[3] ?? "";
      const state = resolved.includes(address) ? "lladdr 02:42:0a:d5:04:03 REACHABLE" : "FAILED";
      return { status: 0, stdout: `${address} dev out ${state}\n` };
    }
    const ok = answers.includes(argv.at(-1) ?? "");
    return { status: ok ? 0 : 1, stdout: `1 packets transmitted, ${ok ? 1 : 0} received\n` };
  };

it("names the link and the cure when only Docker's address answers", async () => {
  const found = await droppedLink([link], host([link.peerDocker], [link.peer]));
  expect(found).toMatch(
    /^10\.99\.0\.1 is there on out \(Docker's 10\.213\.4\.3 answers\), but packets from 10\.99\.0\.2/,
  );
  expect(found).toContain("net.bridge.bridge-nf-call-iptables=0");
});

it.each([
  ["the lab's address answers", [link.peer, link.peerDocker], [link.peer]],
  ["the far end is not there", [], []],
  ["the far end is paused", [], [link.peer]],
  ["the far end has not taken its addresses yet", [link.peerDocker], []],
])("says nothing when %s", async (_, answers, resolved) => {
  expect(await droppedLink([link], host(answers, resolved))).toBeUndefined();
});
