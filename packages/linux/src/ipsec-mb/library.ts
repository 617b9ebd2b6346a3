/**
 * Intel's Multi-Buffer Crypto for IPsec library (libIPSec_MB.so.1; Debian's package libipsec-mb1), where it is installed: AES-GCM over
 * a whole packet by one call, which costs half of what OpenSSL's five do. Only its code for VAES and AVX-512 is used: on an
 * older processor nothing says that it is the faster one.
 *
 *      void aes_gcm_pre_128_vaes_avx512(const void *key, struct gcm_key_data *)
 *      void aes_gcm_enc_128_vaes_avx512(const struct gcm_key_data *, struct gcm_context_data *, uint8_t *out, const uint8_t *in,
 *              uint64_t length, const uint8_t *iv, const uint8_t *aad, uint64_t aad_length, uint8_t *tag, uint64_t tag_length)
 *
 * They take no manager, keep no state between calls and report no error; `dec` writes the tag that would be right.
 */
import { readFileSync } from "node:fs";
import koffi from "koffi";

export const LIBRARY = "libIPSec_MB.so.1";
/** sizeof(struct gcm_key_data) is 1,008 and sizeof(struct gcm_context_data) 88 in version 1.3; there is room for another. */
export const KEY_DATA_LENGTH = 2048;
export const CONTEXT_LENGTH = 128;

/** IMB_CPUFLAGS_AVX512_T2 of the library, as /proc/cpuinfo spells them. */
const PROCESSOR_FLAGS =
  "avx512f avx512dq avx512cd avx512bw avx512vl avx512ifma vaes vpclmulqdq gfni bmi2".split(" ");

export type GcmCall = (
  keyData: number,
  context: number,
  out: number,
  input: number,
  length: number,
  iv: number,
  aad: number,
  aadLength: number,
  tag: number,
  tagLength: number,
) => void;

export interface GcmFunctions {
  /** Writes KEY_DATA_LENGTH bytes at `keyData`, aligned to 64, from the key at `key`. */
  readonly prepare: (key: Uint8Array, keyData: number) => void;
  readonly seal: GcmCall;
  readonly open: GcmCall;
  /** For call lists. */
  readonly sealAddress: number;
  readonly openAddress: number;
}

export type IpsecMb = Readonly<Record<128 | 192 | 256, GcmFunctions>>;

let found: { readonly library: IpsecMb } | { readonly reason: string } | undefined;

/** The library, or why it cannot be used here and what to do about that. */
export function openIpsecMb(): { readonly library: IpsecMb } | { readonly reason: string } {
  found ??= load();
  return found;
}

function load(): { readonly library: IpsecMb } | { readonly reason: string } {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { reason: `${LIBRARY} is for Linux on x86-64, not ${process.platform} on ${process.arch}` };
  }
  const missing = missingFlags(readFileSync("/proc/cpuinfo", "utf8"));
  if (missing.length > 0) return { reason: `this processor lacks ${missing.join(", ")}` };
  try {
    const library = koffi.load(LIBRARY);
    return { library: { 128: bind(library, 128), 192: bind(library, 192), 256: bind(library, 256) } };
  } catch (error) {
    return { reason: `${(error as Error).message}; Debian's package is libipsec-mb1` };
  }
}

/** What the library's code needs and the first processor of a /proc/cpuinfo does not have. */
export function missingFlags(cpuinfo: string): string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/));
  return PROCESSOR_FLAGS.filter((flag) => !flags.has(flag));
}

const P = "uintptr_t";
const N = "uint64_t";

function bind(library: ReturnType<typeof koffi.load>, bits: 128 | 192 | 256): GcmFunctions {
  const name = (what: string): string => `aes_gcm_${what}_${bits}_vaes_avx512`;
  const call = (what: string) =>
    library.func(name(what), "void", [P, P, P, P, N, P, P, N, P, N]) as unknown as GcmCall;
  return {
    prepare: library.func(name("pre"), "void", ["const void *", P]) as unknown as GcmFunctions["prepare"],
    seal: call("enc"),
    open: call("dec"),
    sealAddress: addressOf(library, name("enc")),
    openAddress: addressOf(library, name("dec")),
  };
}

function addressOf(library: ReturnType<typeof koffi.load>, name: string): number {
  return Number(library.symbol(name, "void *"));
}
