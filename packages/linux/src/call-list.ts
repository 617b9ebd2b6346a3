/**
 * Many C calls for the price of one: an array of records in memory, run by some 60 to 100 bytes of machine code.
 *
 * A call through koffi costs 40 to 60 ns, and sealing a packet takes five of them: more than AES-GCM itself needs for
 * 1,400 bytes on a machine with VAES. The loop below is entered once for a batch of packets instead.
 *
 *      narrow record   0 function │ 8 .. 40 five arguments │ 48 result │ 56 unused                  64 bytes
 *      wide record     0 function │ 8 .. 80 ten arguments  │ 88 result                              96 bytes
 *
 * It is what libffi does for one call, in a loop: load the arguments, call, store the result. Written for x86-64 (System V)
 * only, because that is where it can be tried; elsewhere, and where executable mappings are refused, `createCallList`
 * returns undefined and callers make their calls one by one. docs/decisions tells why this is here at all.
 */
import koffi from "koffi";
import type { OwnedArena } from "./arena.ts";
import { mmap, mprotect } from "./libc.ts";

const FUNCTION = 0;
const ARGUMENTS = 8;

/** How a record is laid out, and the code that runs it. */
export interface CallShape {
  readonly length: number;
  readonly arguments: number;
  /** Byte offset of the result in a record. */
  readonly result: number;
  /** void run(struct call *rdi, unsigned long rsi), System V AMD64 ABI */
  readonly x86_64: Uint8Array<ArrayBuffer>;
}

export const NARROW: CallShape = {
  length: 64,
  arguments: 5,
  result: 48,
  x86_64: Uint8Array.from([
    ...[0x53], //                         push rbx
    ...[0x55], //                         push rbp
    ...[0x50], //                         push rax            (keeps the stack aligned to 16 at the calls)
    ...[0x48, 0x89, 0xfb], //             mov  rbx, rdi
    ...[0x48, 0x89, 0xf5], //             mov  rbp, rsi
    ...[0x48, 0x85, 0xed], //             test rbp, rbp
    ...[0x74, 0x25], //                   jz   end
    ...[0x48, 0x8b, 0x7b, 0x08], // next: mov  rdi, [rbx+8]
    ...[0x48, 0x8b, 0x73, 0x10], //       mov  rsi, [rbx+16]
    ...[0x48, 0x8b, 0x53, 0x18], //       mov  rdx, [rbx+24]
    ...[0x48, 0x8b, 0x4b, 0x20], //       mov  rcx, [rbx+32]
    ...[0x4c, 0x8b, 0x43, 0x28], //       mov  r8,  [rbx+40]
    ...[0x31, 0xc0], //                   xor  eax, eax       (no vector arguments)
    ...[0xff, 0x13], //                   call [rbx]
    ...[0x48, 0x89, 0x43, 0x30], //       mov  [rbx+48], rax
    ...[0x48, 0x83, 0xc3, 0x40], //       add  rbx, 64
    ...[0x48, 0xff, 0xcd], //             dec  rbp
    ...[0x75, 0xdb], //                   jnz  next
    ...[0x58], //                    end: pop  rax
    ...[0x5d], //                         pop  rbp
    ...[0x5b], //                         pop  rbx
    ...[0xc3], //                         ret
  ]),
};

export const WIDE: CallShape = {
  length: 96,
  arguments: 10,
  result: 88,
  x86_64: Uint8Array.from([
    ...[0x53], //                               push rbx
    ...[0x55], //                               push rbp
    ...[0x48, 0x83, 0xec, 0x28], //             sub  rsp, 40            (four arguments, and 8 to align)
    ...[0x48, 0x89, 0xfb], //                   mov  rbx, rdi
    ...[0x48, 0x89, 0xf5], //                   mov  rbp, rsi
    ...[0x48, 0x85, 0xed], //                   test rbp, rbp
    ...[0x74, 0x4c], //                         jz   end
    ...[0x48, 0x8b, 0x43, 0x38], //       next: mov  rax, [rbx+56]
    ...[0x48, 0x89, 0x04, 0x24], //             mov  [rsp], rax
    ...[0x48, 0x8b, 0x43, 0x40], //             mov  rax, [rbx+64]
    ...[0x48, 0x89, 0x44, 0x24, 0x08], //       mov  [rsp+8], rax
    ...[0x48, 0x8b, 0x43, 0x48], //             mov  rax, [rbx+72]
    ...[0x48, 0x89, 0x44, 0x24, 0x10], //       mov  [rsp+16], rax
    ...[0x48, 0x8b, 0x43, 0x50], //             mov  rax, [rbx+80]
    ...[0x48, 0x89, 0x44, 0x24, 0x18], //       mov  [rsp+24], rax
    ...[0x48, 0x8b, 0x7b, 0x08], //             mov  rdi, [rbx+8]
    ...[0x48, 0x8b, 0x73, 0x10], //             mov  rsi, [rbx+16]
    ...[0x48, 0x8b, 0x53, 0x18], //             mov  rdx, [rbx+24]
    ...[0x48, 0x8b, 0x4b, 0x20], //             mov  rcx, [rbx+32]
    ...[0x4c, 0x8b, 0x43, 0x28], //             mov  r8,  [rbx+40]
    ...[0x4c, 0x8b, 0x4b, 0x30], //             mov  r9,  [rbx+48]
    ...[0x31, 0xc0], //                         xor  eax, eax
    ...[0xff, 0x13], //                         call [rbx]
    ...[0x48, 0x89, 0x43, 0x58], //             mov  [rbx+88], rax
    ...[0x48, 0x83, 0xc3, 0x60], //             add  rbx, 96
    ...[0x48, 0xff, 0xcd], //                   dec  rbp
    ...[0x75, 0xb4], //                         jnz  next
    ...[0x48, 0x83, 0xc4, 0x28], //        end: add  rsp, 40
    ...[0x5d], //                               pop  rbp
    ...[0x5b], //                               pop  rbx
    ...[0xc3], //                               ret
  ]),
};

const PROT_READ_WRITE = 3;
const PROT_READ_EXEC = 5;
const MAP_PRIVATE_ANONYMOUS = 0x22;

type Run = (calls: number, count: number) => void;
const loaded = new Map<CallShape, Run | undefined>();

/** A list of up to `capacity` calls in its own arena region. */
export class CallList {
  readonly capacity: number;
  readonly #shape: CallShape;
  readonly #arena: OwnedArena;
  readonly #at: number;
  readonly #run: Run;

  constructor(arena: OwnedArena, capacity: number, shape: CallShape, runCalls: Run) {
    this.#arena = arena;
    this.capacity = capacity;
    this.#shape = shape;
    this.#at = arena.allocate(capacity * shape.length);
    this.#run = runCalls;
  }

  /** Arena offset of the first record. */
  get offset(): number {
    return this.#at;
  }

  /** Sets function and all arguments of call `i`; addresses and integers below 2^53. Those not given are 0. */
  set(i: number, address: number, ...values: readonly number[]): void {
    const at = this.#at + i * this.#shape.length;
    this.#word(at + FUNCTION, address);
    for (let a = 0; a < this.#shape.arguments; a++) this.#word(at + ARGUMENTS + 8 * a, values[a] ?? 0);
  }

  /** Sets the function alone. */
  function(i: number, address: number): void {
    this.#word(this.#at + i * this.#shape.length + FUNCTION, address);
  }

  /** Sets one argument. */
  argument(i: number, index: number, value: number): void {
    this.#word(this.#at + i * this.#shape.length + ARGUMENTS + 8 * index, value);
  }

  /** Makes the first `count` calls in order; each is made whatever the ones before returned. */
  run(count: number): void {
    this.#run(this.#arena.base + this.#at, count);
  }

  #word(at: number, value: number): void {
    const { view } = this.#arena;
    view.setUint32(at, value >>> 0, true);
    view.setUint32(at + 4, Math.floor(value / 4294967296), true);
  }
}

/** Undefined where this machine cannot have one. */
export function createCallList(
  arena: OwnedArena,
  capacity: number,
  shape: CallShape = NARROW,
): CallList | undefined {
  if (!loaded.has(shape)) loaded.set(shape, load(shape));
  const run = loaded.get(shape);
  return run && new CallList(arena, capacity, shape, run);
}

const dlsym: (handle: number, name: string) => number = koffi
  .load(null)
  .func("dlsym", "uintptr_t", ["uintptr_t", "str"]) as unknown as (handle: number, name: string) => number;

/** Address of a symbol of the running process or its libraries; 0 when there is none. */
export const symbolAddress = (name: string): number => Number(dlsym(0, name));

function load(shape: CallShape): Run | undefined {
  if (process.arch !== "x64" || process.env["TANDEM_NO_CALL_LIST"] !== undefined) return undefined;
  const length = 4096;
  const code = Number(mmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
  if (code > Number.MAX_SAFE_INTEGER || code <= 0) return undefined;
  new Uint8Array(koffi.view(BigInt(code), length)).set(shape.x86_64);
  // Never writable and executable at once.
  if (mprotect(code, length, PROT_READ_EXEC) !== 0) return undefined;
  const prototype = koffi.proto("void (uintptr_t calls, uintptr_t count)");
  return koffi.decode(BigInt(code), prototype) as unknown as Run;
}
