/** Cost of each group in ms, median of runs: `node packages/crypto/bench/key-exchange.ts`. README has a table of it. */
import { randomBytes } from "node:crypto";
import { type GroupName, generateKeyPair, sharedSecret } from "../src/index.ts";

const GROUPS: readonly GroupName[] = [
  "modp768",
  "modp1024",
  "modp1536",
  "modp2048",
  "modp3072",
  "modp4096",
  "modp2048s256",
  "ecp256",
  "ecp384",
  "ecp521",
  "x25519",
];
const RUNS = 41;
const random = { bytes: (length: number) => Uint8Array.from(randomBytes(length)) };

function median(work: () => unknown): string {
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return times.toSorted((a, b) => a - b)[(RUNS - 1) / 2]!.toFixed(2);
}

console.log("| group | key pair | shared secret, same thread | shared secret, other thread |");
console.log("| --- | --- | --- | --- |");
for (const group of GROUPS) {
  const pair = generateKeyPair(group, random);
  const peer = generateKeyPair(group, random).publicValue;
  const generate = median(() => generateKeyPair(group, random));
  const warm = median(() => sharedSecret(group, pair.privateKey, peer));
  const cold = median(() => sharedSecret(group, pair.privateKey.slice(), peer));
  console.log(`| ${group} | ${generate} | ${warm} | ${cold} |`);
}
