/**
 * OpenSSL's EVP as the Node binary exports it (dlopen(NULL)): OpenSSL 3.0 of Node 20 to 3.5 of Node 24 and 26.
 * Per-packet calls take addresses as numbers. EVP_CIPHER_CTX and EVP_MAC_CTX are addresses too.
 */
import koffi from "koffi";
import { requireLinux } from "../linux-error.ts";

requireLinux("the EVP packet ciphers");
const self = koffi.load(null);
const P = "uintptr_t";

function bind<T>(name: string, result: string, parameters: string[]): T {
  try {
    return self.func(name, result, parameters) as unknown as T;
  } catch (cause) {
    throw new Error(
      `this Node binary does not export ${name} of OpenSSL 3 (a distribution's build with a hidden or shared OpenSSL?); use a build from nodejs.org`,
      { cause },
    );
  }
}

type Init = (context: number, cipher: number, engine: number, key: number, iv: number) => number;
type Update = (context: number, out: number, outLength: number, input: number, length: number) => number;
type Final = (context: number, out: number, outLength: number) => number;
const initTypes = [P, P, P, P, P];
const updateTypes = [P, P, P, P, "int"];

export const encryptInit: Init = bind("EVP_EncryptInit_ex", "int", initTypes);
export const decryptInit: Init = bind("EVP_DecryptInit_ex", "int", initTypes);
export const encryptUpdate: Update = bind("EVP_EncryptUpdate", "int", updateTypes);
export const decryptUpdate: Update = bind("EVP_DecryptUpdate", "int", updateTypes);
export const encryptFinal: Final = bind("EVP_EncryptFinal_ex", "int", [P, P, P]);
export const decryptFinal: Final = bind("EVP_DecryptFinal_ex", "int", [P, P, P]);
export const contextControl: (context: number, command: number, argument: number, pointer: number) => number =
  bind("EVP_CIPHER_CTX_ctrl", "int", [P, "int", "int", P]);

export const EVP_CTRL_AEAD_GET_TAG = 0x10;
export const EVP_CTRL_AEAD_SET_TAG = 0x11;

export const macInit: (context: number, key: number, keyLength: number, parameters: number) => number = bind(
  "EVP_MAC_init",
  "int",
  [P, P, "size_t", P],
);
export const macUpdate: (context: number, data: number, length: number) => number = bind(
  "EVP_MAC_update",
  "int",
  [P, P, "size_t"],
);
export const macFinal: (context: number, out: number, outLength: number, size: number) => number = bind(
  "EVP_MAC_final",
  "int",
  [P, P, P, "size_t"],
);
/** 0 when `length` bytes at the two addresses are equal; takes the same time wherever they differ. */
export const constantTimeCompare: (a: number, b: number, length: number) => number = bind(
  "CRYPTO_memcmp",
  "int",
  [P, P, "size_t"],
);
/** 1 when `length` bytes of the operating system's randomness stand at the address. */
export const randomBytes: (address: number, length: number) => number = bind("RAND_bytes", "int", [P, "int"]);

// ── set-up ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
const newContext: () => number = bind("EVP_CIPHER_CTX_new", P, []);
const setPadding: (context: number, on: number) => number = bind("EVP_CIPHER_CTX_set_padding", "int", [
  P,
  "int",
]);
const freeContext: (context: number) => void = bind("EVP_CIPHER_CTX_free", "void", [P]);
const fetchCipher: (library: number, name: string, properties: number) => number = bind(
  "EVP_CIPHER_fetch",
  P,
  [P, "str", P],
);
const freeCipher: (cipher: number) => void = bind("EVP_CIPHER_free", "void", [P]);
const initWithKey: (
  context: number,
  cipher: number,
  engine: number,
  key: Uint8Array,
  iv: Uint8Array,
  encrypt: number,
) => number = bind("EVP_CipherInit_ex", "int", [P, P, P, "void *", "void *", "int"]);
const fetchMac: (library: number, name: string, properties: number) => number = bind("EVP_MAC_fetch", P, [
  P,
  "str",
  P,
]);
const freeMac: (mac: number) => void = bind("EVP_MAC_free", "void", [P]);
const newMacContext: (mac: number) => number = bind("EVP_MAC_CTX_new", P, [P]);
const macInitWithKey: (context: number, key: Uint8Array, length: number, parameters: Uint8Array) => number =
  bind("EVP_MAC_init", "int", [P, "void *", "size_t", "void *"]);
export const freeMacContext: (context: number) => void = bind("EVP_MAC_CTX_free", "void", [P]);
const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes);

/** A keyed context without padding; the initialisation vector is given per packet. Throws when OpenSSL has no such cipher. */
export function createCipherContext(name: string, key: Uint8Array, seal: boolean): number {
  const cipher = fetchCipher(0, name, 0);
  if (!cipher)
    throw new Error(`OpenSSL of this Node binary has no ${name}: choose another encryption algorithm`);
  const context = newContext();
  const ok = initWithKey(context, cipher, 0, key, new Uint8Array(16), seal ? 1 : 0);
  freeCipher(cipher); // the context holds its own reference
  if (ok !== 1) {
    freeContext(context);
    throw new Error(`OpenSSL refuses a key of ${key.length} bytes for ${name}`);
  }
  setPadding(context, 0);
  return context;
}

export { freeContext as freeCipherContext };

/** A keyed HMAC context; `macInit(context, 0, 0, 0)` starts the next message with the same key. */
export function createHmacContext(digest: string, key: Uint8Array): number {
  const mac = fetchMac(0, "HMAC", 0);
  if (!mac) throw new Error("OpenSSL of this Node binary has no HMAC");
  const context = newMacContext(mac);
  freeMac(mac);
  // OSSL_PARAM[2] = { "digest" utf8, end }: key pointer, type u32, data pointer, data size, return size
  const name = Buffer.from("digest\0");
  const value = Buffer.from(`${digest}\0`);
  const parameters = Buffer.alloc(80);
  parameters.writeBigUInt64LE(addressOf(name), 0);
  parameters.writeUInt32LE(4, 8); // OSSL_PARAM_UTF8_STRING
  parameters.writeBigUInt64LE(addressOf(value), 16);
  parameters.writeBigUInt64LE(BigInt(digest.length), 24);
  parameters.writeBigUInt64LE(0xffffffffffffffffn, 32); // OSSL_PARAM_UNMODIFIED
  if (macInitWithKey(context, key, key.length, parameters) !== 1) {
    freeMacContext(context);
    throw new Error(`OpenSSL of this Node binary has no HMAC with ${digest}`);
  }
  return context;
}
