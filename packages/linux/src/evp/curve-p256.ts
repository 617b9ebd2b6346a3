/**
 * P-256 by OpenSSL's EC functions, as the Node binary exports them: one multiplication per agreement.
 *
 * `ECDH.computeSecret` of node:crypto multiplies twice, because it checks its own key each time, and a public key that is
 * read from DER is checked by one more. On a curve of prime order the only check that a peer's point needs is that it lies
 * on the curve (RFC 6989 §2.3), and `EC_POINT_oct2point` makes it. Measured: 64 us for a key pair and an agreement, not 140.
 */
import koffi from "koffi";
import { requireLinux } from "../linux-error.ts";

export interface CurveP256 {
  /** x || y, 64 bytes. `privateKey`: 32 bytes, 1 to the order less 1. */
  publicValue(privateKey: Uint8Array): Uint8Array;
  /** x of the product, 32 bytes; `undefined` when `peer` (x || y) is not a point of the curve. */
  agree(privateKey: Uint8Array, peer: Uint8Array): Uint8Array | undefined;
}

const NID_P256 = 415;
const BN_FLG_CONSTTIME = 4;
const UNCOMPRESSED = 4;
const FIELD_LENGTH = 32;
const POINT_LENGTH = 65;

/** `undefined` where the binary does not export these functions; node:crypto does the same work then. */
export function openCurveP256(): CurveP256 | undefined {
  requireLinux("OpenSSL's curves by FFI");
  try {
    return curve(bindEc());
  } catch {
    return undefined;
  }
}

function bindEc() {
  const self = koffi.load(null);
  const P = "uintptr_t";
  const bind = <F>(name: string, result: string, parameters: string[]): F =>
    self.func(name, result, parameters) as unknown as F;
  type Address = number;
  return {
    newGroup: bind<(nid: number) => Address>("EC_GROUP_new_by_curve_name", P, ["int"]),
    newContext: bind<() => Address>("BN_CTX_secure_new", P, []),
    newNumber: bind<() => Address>("BN_secure_new", P, []),
    setFlags: bind<(number: Address, flags: number) => void>("BN_set_flags", "void", [P, "int"]),
    readNumber: bind<(bytes: Uint8Array, length: number, number: Address) => Address>("BN_bin2bn", P, [
      "uint8_t *",
      "int",
      P,
    ]),
    clearNumber: bind<(number: Address) => void>("BN_clear", "void", [P]),
    newPoint: bind<(group: Address) => Address>("EC_POINT_new", P, [P]),
    clearFreePoint: bind<(point: Address) => void>("EC_POINT_clear_free", "void", [P]),
    /** result = n * generator + m * point */
    multiply: bind<
      (group: Address, result: Address, n: Address, point: Address, m: Address, context: Address) => number
    >("EC_POINT_mul", "int", [P, P, P, P, P, P]),
    readPoint: bind<
      (group: Address, point: Address, bytes: Uint8Array, length: number, context: Address) => number
    >("EC_POINT_oct2point", "int", [P, P, "uint8_t *", "size_t", P]),
    writePoint: bind<
      (
        group: Address,
        point: Address,
        form: number,
        bytes: Uint8Array,
        length: number,
        context: Address,
      ) => number
    >("EC_POINT_point2oct", "size_t", [P, P, "int", "uint8_t *", "size_t", P]),
    clearErrors: bind<() => void>("ERR_clear_error", "void", []),
  };
}

function curve(ec: ReturnType<typeof bindEc>): CurveP256 {
  const group = ec.newGroup(NID_P256);
  const context = ec.newContext();
  const scalar = ec.newNumber();
  ec.setFlags(scalar, BN_FLG_CONSTTIME);
  const bytes = new Uint8Array(POINT_LENGTH);

  /** scalar * generator, or scalar * point; the result's octets stand in `bytes` when it is true. */
  const times = (privateKey: Uint8Array, point: number): boolean => {
    if (privateKey.length !== FIELD_LENGTH)
      throw new RangeError(`a P-256 private key has ${privateKey.length} bytes`);
    const product = ec.newPoint(group);
    ec.readNumber(privateKey, FIELD_LENGTH, scalar);
    const done =
      point === 0
        ? ec.multiply(group, product, scalar, 0, 0, context)
        : ec.multiply(group, product, 0, point, scalar, context);
    ec.clearNumber(scalar);
    // A point at infinity takes one octet.
    const length = done === 1 ? ec.writePoint(group, product, UNCOMPRESSED, bytes, POINT_LENGTH, context) : 0;
    ec.clearFreePoint(product);
    return length === POINT_LENGTH;
  };

  return {
    publicValue(privateKey) {
      if (!times(privateKey, 0)) throw new RangeError("a P-256 private key of 0");
      return bytes.slice(1);
    },
    agree(privateKey, peer) {
      if (peer.length !== POINT_LENGTH - 1) return undefined;
      bytes[0] = UNCOMPRESSED;
      bytes.set(peer, 1);
      const point = ec.newPoint(group);
      try {
        if (ec.readPoint(group, point, bytes, POINT_LENGTH, context) !== 1) {
          // Left in the thread's queue it would be taken for the error of somebody else's next call.
          ec.clearErrors();
          return undefined;
        }
        if (!times(privateKey, point)) return undefined;
        const x = bytes.slice(1, 1 + FIELD_LENGTH);
        bytes.fill(0);
        return x;
      } finally {
        ec.clearFreePoint(point);
      }
    },
  };
}
