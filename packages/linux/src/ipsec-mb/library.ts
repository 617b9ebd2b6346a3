/**
 * Intel's Multi-Buffer Crypto for IPsec library (libIPSec_MB.so.1; Debian's package libipsec-mb1), where it is installed: AES-GCM over
 * a whole packet by one call, ChaCha20-Poly1305 by three, in about half and two thirds of OpenSSL's time. Only its code for VAES and
 * AVX-512 is used: on an older processor nothing says that it is the faster one.
 *
 *      void aes_gcm_pre_128_vaes_avx512(const void *key, struct gcm_key_data *)
 *      void aes_gcm_enc_128_vaes_avx512(const struct gcm_key_data *, struct gcm_context_data *, uint8_t *out, const uint8_t *in,
 *              uint64_t length, const uint8_t *iv, const uint8_t *aad, uint64_t aad_length, uint8_t *tag, uint64_t tag_length)
 *
 *      void init(const void *key, struct chacha20_poly1305_context_data *, const void *iv, const void *aad, uint64_t aad_length)
 *      void update_enc_chacha20_poly1305_fma_avx512(const void *key, struct chacha20_poly1305_context_data *, void *out,
 *              const void *in, uint64_t length)
 *      void finalize_chacha20_poly1305_fma_avx512(struct chacha20_poly1305_context_data *, void *tag, uint64_t tag_length)
 *
 * They take no manager, keep no state between packets and report no error; opening gives the tag that would be right.
 */
import { readFileSync } from "node:fs";
import koffi from "koffi";

export const LIBRARY = "libIPSec_MB.so.1";
/** sizeof(struct gcm_key_data) is 1,008 in version 1.3; there is room for another. Its alignment is 64. */
export const GCM_KEY_LENGTH = 2048;
/** sizeof(struct gcm_context_data) is 88 and sizeof(struct chacha20_poly1305_context_data) 192 in version 1.3. */
export const CONTEXT_LENGTH = 512;

/** IMB_CPUFLAGS_AVX512_T2 of the library, as /proc/cpuinfo spells them. */
const PROCESSOR_FLAGS =
  "avx512f avx512dq avx512cd avx512bw avx512vl avx512ifma vaes vpclmulqdq gfni bmi2".split(" ");

/** A function of the library: called by itself, or by its address in a call list. */
export interface Callable<Call> {
  readonly call: Call;
  readonly address: number;
}

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
  /** Writes GCM_KEY_LENGTH bytes at `keyData` from the key at `key`. */
  readonly prepare: (key: Uint8Array, keyData: number) => void;
  readonly seal: Callable<GcmCall>;
  readonly open: Callable<GcmCall>;
}

export type ChaChaInit = (key: number, context: number, iv: number, aad: number, aadLength: number) => void;
export type ChaChaUpdate = (key: number, context: number, out: number, input: number, length: number) => void;
export type ChaChaFinalize = (context: number, tag: number, tagLength: number) => void;

export interface ChaChaFunctions {
  readonly init: Callable<ChaChaInit>;
  readonly seal: Callable<ChaChaUpdate>;
  readonly open: Callable<ChaChaUpdate>;
  readonly finalize: Callable<ChaChaFinalize>;
}

export interface IpsecMb {
  /** By key length in bits. */
  readonly gcm: Readonly<Record<number, GcmFunctions>>;
  /** Undefined with a version that does not export them, or whose manager does not have them in a row. */
  readonly chacha: ChaChaFunctions | undefined;
}

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
    const gcm = Object.fromEntries([128, 192, 256].map((bits) => [bits, bindGcm(library, bits)]));
    return { library: { gcm, chacha: tryBindChaCha(library) } };
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
type Library = ReturnType<typeof koffi.load>;

function bind<Call>(library: Library, name: string, parameters: string[]): Callable<Call> {
  return {
    call: library.func(name, "void", parameters) as unknown as Call,
    address: Number(library.symbol(name, "void *")),
  };
}

function bindGcm(library: Library, bits: number): GcmFunctions {
  const name = (what: string): string => `aes_gcm_${what}_${bits}_vaes_avx512`;
  const call = (what: string) => bind<GcmCall>(library, name(what), [P, P, P, P, N, P, P, N, P, N]);
  const prepare = library.func(name("pre"), "void", ["const void *", P]);
  return {
    prepare: prepare as unknown as GcmFunctions["prepare"],
    seal: call("enc"),
    open: call("dec"),
  };
}

/** A version without them still has AES-GCM. */
function tryBindChaCha(library: Library): ChaChaFunctions | undefined {
  try {
    return bindChaCha(library);
  } catch {
    return undefined;
  }
}

function bindChaCha(library: Library): ChaChaFunctions | undefined {
  const update = (what: string) =>
    bind<ChaChaUpdate>(library, `update_${what}_chacha20_poly1305_fma_avx512`, [P, P, P, P, N]);
  const exported = {
    seal: update("enc"),
    open: update("dec"),
    finalize: bind<ChaChaFinalize>(library, "finalize_chacha20_poly1305_fma_avx512", [P, P, N]),
  };
  const address = chaChaInit(library, exported);
  if (address === undefined) return undefined;
  const prototype = koffi.proto("void", [P, P, P, P, N]);
  const call = koffi.decode(BigInt(address), prototype) as unknown as ChaChaInit;
  return { init: { call, address }, ...exported };
}

/**
 * The one function of the four that is not exported: the library's manager has it, next to the three that are
 * (`chacha20_poly1305_init`, `_enc_update`, `_dec_update`, `_finalize` of struct IMB_MGR), and is asked no more than that.
 */
function chaChaInit(library: Library, next: Omit<ChaChaFunctions, "init">): number | undefined {
  const size = Number(library.func("imb_get_mb_mgr_size", "size_t", [])());
  const manager = BigInt(library.func("alloc_mb_mgr", P, [N])(0) as number | bigint);
  if (manager === 0n) return undefined;
  try {
    library.func("init_mb_mgr_avx512", "void", [P])(manager);
    const words = new BigUint64Array(koffi.view(manager, size - (size % 8)));
    const known = [next.seal, next.open, next.finalize].map(({ address }) => BigInt(address));
    for (let i = 1; i + 2 < words.length; i++) {
      if (known.every((address, k) => words[i + k] === address)) return Number(words[i - 1]);
    }
    return undefined;
  } finally {
    library.func("free_mb_mgr", "void", [P])(manager);
  }
}
