/**
 * The Internet checksum with SIMD: WebAssembly over memory that is also the packet arena, so that one pass of 16 bytes per
 * step sums a payload, or sums it while it is copied. Portable: the engine compiles it for the machine it runs on.
 *
 * The module is assembled here, instruction by instruction; the text form of each loop stands beside it. Numbers are from
 * the WebAssembly core specification 2.0, section 5.4.
 */

/** What is used of the engine's WebAssembly object: TypeScript knows it only together with a browser's library. */
interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const { WebAssembly: engine } = globalThis as unknown as { readonly WebAssembly: Engine };

/** Memory that WebAssembly code and the packet loop share. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** Memory that never moves: its size is its maximum. A page has 64 KiB. */
export const createWasmMemory = (pages: number): WasmMemory =>
  new engine.Memory({ initial: pages, maximum: pages });

const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;

const BLOCK = 0x02;
const LOOP = 0x03;
const BR = 0x0c;
const BR_IF = 0x0d;
const END = 0x0b;
const VOID = 0x40;
const GET = 0x20;
const SET = 0x21;
const I32_CONST = 0x41;
const I32_ADD = 0x6a;
const I32_SUB = 0x6b;
const I32_AND = 0x71;
const I32_LT_U = 0x49;
const I32_LOAD8_U = 0x2d;
const I32_LOAD16_U = 0x2f;
const I32_STORE8 = 0x3a;
const I32_STORE16 = 0x3b;
const I32_WRAP_I64 = 0xa7;
const I64_ADD = 0x7c;
const I64_AND = 0x83;
const I64_SHL = 0x86;
const I64_SHR_U = 0x88;
const I64_CONST = 0x42;
const I64_EXTEND_I32_S = 0xac;
const I64_EXTEND_I32_U = 0xad;
const SIMD = 0xfd;
const V128_LOAD = [SIMD, 0x00];
const V128_STORE = [SIMD, 0x0b];
const V128_CONST = [SIMD, 0x0c];
const V128_AND = [SIMD, 0x4e];
const V128_OR = [SIMD, 0x50];
const V128_XOR = [SIMD, 0x51];
const V128_ANY_TRUE = [SIMD, 0x53];
const I32X4_EXTRACT = [SIMD, 0x1b];
const I32X4_ADD = [SIMD, 0xae, 0x01];
const I32X4_DOT_I16X8_S = [SIMD, 0xba, 0x01];

/** Exports of the module. Offsets are into the memory, results are folded to at most 17 bits. */
export interface WasmChecksum {
  /** Sum of `length` bytes as little-endian 16-bit words. */
  sum(source: number, length: number): number;
  /** The same, and the bytes copied to `target`, which does not overlap. */
  copy(target: number, source: number, length: number): number;
  /**
   * The same, to behind `headerLength` bytes from `header`, which are copied to `target` and not summed. Up to 15 bytes behind
   * the headers are read, and overwritten in front of the copy or behind it.
   */
  assemble(target: number, source: number, length: number, header: number, headerLength: number): number;
  /** 1 when the bytes at `a` and `b` differ where those at `mask` have ones, 0 when not; up to 15 bytes behind `length`, too. */
  differs(a: number, b: number, mask: number, length: number): number;
}

export function instantiateChecksum(memory: WasmMemory): WasmChecksum {
  const module = new engine.Module(assemble(memory.buffer.byteLength / 65536));
  return new engine.Instance(module, { env: { memory } }).exports as unknown as WasmChecksum;
}

function assemble(pages: number): Uint8Array<ArrayBuffer> {
  const types = vector([
    [0x60, 2, I32, I32, 1, I32],
    [0x60, 3, I32, I32, I32, 1, I32],
    [0x60, 5, I32, I32, I32, I32, I32, 1, I32],
    [0x60, 4, I32, I32, I32, I32, 1, I32],
  ]);
  const limits = [0x01, ...unsigned(pages), ...unsigned(pages)];
  const imports = vector([[...name("env"), ...name("memory"), 0x02, ...limits]]);
  const functions = vector([[0], [1], [2], [3]]);
  const exported = vector([
    [...name("sum"), 0x00, 0],
    [...name("copy"), 0x00, 1],
    [...name("assemble"), 0x00, 2],
    [...name("differs"), 0x00, 3],
  ]);
  const code = vector([body("sum"), body("copy"), body("assemble"), differs()].map(sized));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(2, imports),
    ...section(3, functions),
    ...section(7, exported),
    ...section(10, code),
  ]);
}

/** One function: (copy, assemble: target,) source, length (, assemble: header, header length) -> folded sum. */
function body(kind: "sum" | "copy" | "assemble"): number[] {
  const copies = kind !== "sum";
  const target = 0;
  const source = copies ? 1 : 0;
  const length = source + 1;
  const header = length + 1;
  const headerLength = header + 1;
  const parameters = kind === "assemble" ? headerLength + 1 : length + 1;
  const [a, b, signs, ones, total, at] = [0, 1, 2, 3, 4, 5].map((n) => parameters + n) as Six;
  const advance = (bytes: number): number[] => [
    ...[GET, source, I32_CONST, ...signed(bytes), I32_ADD, SET, source],
    ...(copies ? [GET, target, I32_CONST, ...signed(bytes), I32_ADD, SET, target] : []),
    ...[GET, length, I32_CONST, ...signed(bytes), I32_SUB, SET, length],
  ];
  // accumulator += pairwise sums of the 16-bit words at source + offset; target + offset = them.
  // There is a multiplication that adds pairs of signed words: each word goes in less 0x8000, so each sum is short of 0x10000.
  const step = (accumulator: number, offset: number): number[] => {
    const load = [GET, source, ...V128_LOAD, 0, ...unsigned(offset)];
    return [
      ...(copies ? [GET, target, ...load, ...V128_STORE, 0, ...unsigned(offset)] : []),
      ...[GET, accumulator, ...load, GET, signs, ...V128_XOR, GET, ones, ...I32X4_DOT_I16X8_S],
      ...[...I32X4_ADD, SET, accumulator],
    ];
  };
  // while (length >= bytes) { ...work; advance(bytes) }
  const repeat = (bytes: number, work: number[]): number[] => [
    ...[BLOCK, VOID, LOOP, VOID],
    ...[GET, length, I32_CONST, ...signed(bytes), I32_LT_U, BR_IF, 1],
    ...work,
    ...advance(bytes),
    ...[BR, 0, END, END],
  ];
  const addScalar = (load: number): number[] => [
    ...[GET, total, GET, source, load, 0, 0, I64_EXTEND_I32_U, I64_ADD, SET, total],
  ];
  const addLane = (lane: number): number[] => [
    ...[GET, total, GET, a, ...I32X4_EXTRACT, lane, I64_EXTEND_I32_S, I64_ADD, SET, total],
  ];
  // total = (total & 0xffff) + (total >> 16)
  const fold = [
    ...[GET, total, I64_CONST, ...signed(0xffff), I64_AND],
    ...[GET, total, I64_CONST, ...signed(16), I64_SHR_U, I64_ADD, SET, total],
  ];
  // at = target; target += headerLength; do { at[0..16] = header[0..16]; advance both } while (at < target)
  const headers = [
    ...[GET, target, SET, at, GET, target, GET, headerLength, I32_ADD, SET, target],
    ...[LOOP, VOID, GET, at, GET, header, ...V128_LOAD, 0, 0, ...V128_STORE, 0, 0],
    ...[GET, header, I32_CONST, ...signed(16), I32_ADD, SET, header],
    ...[GET, at, I32_CONST, ...signed(16), I32_ADD, SET, at],
    ...[GET, at, GET, target, I32_LT_U, BR_IF, 0, END],
  ];
  return [
    ...vector([
      [4, V128],
      [1, I64],
      [1, I32],
    ]),
    ...[...V128_CONST, ...everyWord(0x8000), SET, signs, ...V128_CONST, ...everyWord(1), SET, ones],
    // total = 4 * 0x10000 for each 16 bytes
    ...[GET, length, I32_CONST, ...signed(-16), I32_AND, I64_EXTEND_I32_U, I64_CONST, ...signed(14), I64_SHL],
    ...[SET, total],
    ...(kind === "assemble" ? headers : []),
    ...repeat(64, [...step(a, 0), ...step(b, 16), ...step(a, 32), ...step(b, 48)]),
    ...repeat(16, step(a, 0)),
    ...[GET, a, GET, b, ...I32X4_ADD, SET, a],
    ...[0, 1, 2, 3].flatMap(addLane),
    ...repeat(2, [
      ...(copies ? [GET, target, GET, source, I32_LOAD16_U, 0, 0, I32_STORE16, 0, 0] : []),
      ...addScalar(I32_LOAD16_U),
    ]),
    ...repeat(1, [
      ...(copies ? [GET, target, GET, source, I32_LOAD8_U, 0, 0, I32_STORE8, 0, 0] : []),
      ...addScalar(I32_LOAD8_U),
    ]),
    ...fold,
    ...fold,
    ...[GET, total, I32_WRAP_I64, I32_CONST, ...signed(0x1ffff), I32_AND, END],
  ];
}

/** (a, b, mask, length): acc |= (a[..16] ^ b[..16]) & mask[..16], in steps of 16 bytes until the length is reached. */
function differs(): number[] {
  const [a, b, mask, length, accumulator] = [0, 1, 2, 3, 4];
  const load = (pointer: number): number[] => [GET, pointer, ...V128_LOAD, 0, 0];
  const advance = (pointer: number): number[] => [
    ...[GET, pointer, I32_CONST, ...signed(16), I32_ADD, SET, pointer],
  ];
  return [
    ...vector([[1, V128]]),
    ...[GET, length, GET, a, I32_ADD, SET, length, LOOP, VOID],
    ...[GET, accumulator, ...load(a), ...load(b), ...V128_XOR, ...load(mask), ...V128_AND, ...V128_OR],
    ...[SET, accumulator, ...advance(a), ...advance(b), ...advance(mask)],
    ...[GET, a, GET, length, I32_LT_U, BR_IF, 0, END],
    ...[GET, accumulator, ...V128_ANY_TRUE, END],
  ];
}

type Six = [number, number, number, number, number, number];
const everyWord = (word: number): number[] =>
  Array(8)
    .fill([word & 0xff, word >> 8])
    .flat();
const section = (id: number, content: number[]): number[] => [id, ...sized(content)];
const sized = (content: number[]): number[] => [...unsigned(content.length), ...content];
const vector = (items: number[][]): number[] => [...unsigned(items.length), ...items.flat()];
const name = (text: string): number[] => sized([...text].map((c) => c.charCodeAt(0)));

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  if (value >= -0x40 && value < 0x40) return [value & 0x7f];
  return [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
