import { expect, it } from "vitest";
import { createArena } from "../../src/arena.ts";
import { createEvpBackend } from "../../src/evp/backend.ts";
import { createIpsecMbBackend, ipsecMbMissing } from "../../src/ipsec-mb/backend.ts";
import { missingFlags, openIpsecMb } from "../../src/ipsec-mb/library.ts";

const ALL = "avx512f avx512dq avx512cd avx512bw avx512vl avx512ifma vaes vpclmulqdq gfni bmi2";

it("asks for a processor with VAES and AVX-512, by /proc/cpuinfo", () => {
  expect(missingFlags(`processor : 0\nflags\t\t: fpu ${ALL} sse2\nbugs\t\t: none\n`)).toEqual([]);
  expect(missingFlags(`flags\t\t: fpu ${ALL.replace(" vaes", "")} avx2\n`)).toEqual(["vaes"]);
  expect(missingFlags("Features\t: fp asimd aes\n")).toEqual(ALL.split(" "));
});

it("is there, or says what is missing", () => {
  const missing = ipsecMbMissing();
  if (missing === undefined) expect(createIpsecMbBackend().name).toBe("ipsec-mb");
  else {
    expect(missing).toMatch(/processor lacks .+|libipsec-mb1|x86-64/);
    expect(() => createIpsecMbBackend()).toThrow(missing);
  }
});

it("has ChaCha20-Poly1305, whose first function only its manager knows", () => {
  const opened = openIpsecMb();
  if ("reason" in opened) return expect(opened.reason).toBe(ipsecMbMissing());
  const { init, seal, open, finalize } = opened.library.chacha!;
  expect(new Set([init, seal, open, finalize].map(({ address }) => address)).size).toBe(4);
});

it("a key whose memory had a key of another length before is used with its own functions", () => {
  const arena = createArena(1 << 16);
  const create = ipsecMbMissing() === undefined ? createIpsecMbBackend : createEvpBackend;
  const fast = create();
  const reference = createEvpBackend();
  const header = 1024;
  const seal = (backend: typeof fast, encryption: "aes-gcm-16" | "chacha20-poly1305", keyBits: number) => {
    const suite = { encryption, keyBits, integrity: "none" } as const;
    const keys = {
      encryption: new Uint8Array(keyBits / 8).fill(keyBits & 0xff),
      salt: new Uint8Array(4),
      integrity: new Uint8Array(0),
    };
    const cipher = backend.create("seal", suite, false, keys, arena);
    arena.bytes.fill(5, header, header + 116);
    const length = cipher.enqueueSeal?.(header, 100, 0, 1) ?? cipher.seal(header, header + 16, 100, 0, 1);
    cipher.queue?.run();
    cipher.destroy();
    return Buffer.from(arena.bytes.slice(header, header + length));
  };
  for (const keyBits of [128, 256, 192, 128]) {
    const aes = (backend: typeof fast) => seal(backend, "aes-gcm-16", keyBits);
    const chacha = (backend: typeof fast) => seal(backend, "chacha20-poly1305", 256);
    expect(aes(fast).equals(aes(reference)), `${keyBits} bits`).toBe(true);
    expect(chacha(fast).equals(chacha(reference))).toBe(true);
  }
});
