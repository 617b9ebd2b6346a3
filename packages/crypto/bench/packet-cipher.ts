/** Cost of sealing and opening one ESP packet of 1,424 bytes, in us: `node packages/crypto/bench/packet-cipher.ts`. */
import { nodePacketCipher } from "../src/index.ts";
import { noblePacketCipher } from "../src/noble-backend.ts";
import { packetKeys, packetSuites, suiteText } from "../src/testing/index.ts";

const LENGTH = 1424;
const bytes = new Uint8Array(8192);
const arena = { bytes, view: new DataView(bytes.buffer), base: 0 };

function microseconds(runs: number, work: () => void): string {
  for (let i = 0; i < runs / 10; i++) work();
  const start = performance.now();
  for (let i = 0; i < runs; i++) work();
  return (((performance.now() - start) * 1000) / runs).toFixed(1);
}

console.log("| suite | node: seal | node: open | noble: seal | noble: open |");
console.log("| --- | --- | --- | --- | --- |");
for (const suite of packetSuites(["aes-gcm-16", "chacha20-poly1305", "aes-cbc"])) {
  if (!["none", "hmac-sha256-128"].includes(suite.integrity) || suite.keyBits === 192) continue;
  const cells = [nodePacketCipher, noblePacketCipher].flatMap((backend) => {
    const runs = backend.name === "node" ? 10_000 : 1_000;
    const keys = packetKeys(suite);
    const seal = backend.create("seal", suite, false, keys, arena);
    const open = backend.create("open", suite, false, keys, arena);
    const body = 8 + seal.ivLength;
    const sealing = microseconds(runs, () => seal.seal(0, 4096, LENGTH, 0, 1));
    const total = seal.seal(0, 4096, LENGTH, 0, 1);
    const packet = bytes.slice(0, total);
    const opening = microseconds(runs, () => {
      bytes.set(packet);
      if (open.open(0, total, 0) !== total - body - open.icvLength) throw new Error("not opened");
    });
    return [sealing, opening];
  });
  console.log(`| ${suiteText(suite)} | ${cells.join(" | ")} |`);
}
