/**
 * The table that is pushed through a speaker under test, and the two peers that push and count it.
 *
 *      sender ── UPDATEs ──▶ speaker under test ── UPDATEs ──▶ receiver
 *
 * Prefixes are /24s, in attribute sets of random AS paths and MEDs, the same for every subject (seeded).
 * The peers speak just enough BGP to do that; they are not the speaker that is measured.
 */
import { connect, type Socket } from "node:net";

export interface Table {
  readonly announcements: Buffer;
  /** Takes back every second UPDATE's prefixes. */
  readonly withdrawals: Buffer;
  readonly prefixes: number;
  readonly withdrawn: number;
  readonly attributeSets: number;
}

const HEADER = 19;

function message(type: number, body: Buffer): Buffer {
  const out = Buffer.alloc(HEADER + body.length, 0xff);
  out.writeUInt16BE(out.length, 16);
  out[18] = type;
  body.copy(out, HEADER);
  return out;
}

const KEEPALIVE = message(4, Buffer.alloc(0));

/** xorshift32: repeatable, and the same in every run. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % bound;
  };
}

export function makeTable(count: number, perSet: number, asn: number, nextHop: string, seed = 1): Table {
  const random = generator(seed);
  const seen = new Set<number>();
  const announcements: Buffer[] = [];
  const withdrawals: Buffer[] = [];
  let withdrawn = 0;
  while (seen.size < count) {
    const size = Math.min(count - seen.size, 1 + random(2 * perSet - 1));
    const nlri = Buffer.alloc(size * 4);
    for (let i = 0; i < size; ) {
      const prefix = ((1 + random(222)) << 16) | random(0x10000);
      const first = prefix >>> 16;
      if (first === 127 || first === 10 || seen.has(prefix)) continue;
      seen.add(prefix);
      nlri[i * 4] = 24;
      nlri.writeUIntBE(prefix, i * 4 + 1, 3);
      i++;
    }
    const attributes = randomAttributes(random, asn, nextHop);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16BE(attributes.length, 2);
    announcements.push(message(2, Buffer.concat([lengths, attributes, nlri])));
    if (announcements.length % 2 === 0) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(nlri.length);
      withdrawals.push(message(2, Buffer.concat([length, nlri, Buffer.alloc(2)])));
      withdrawn += size;
    }
  }
  return {
    announcements: Buffer.concat(announcements),
    withdrawals: Buffer.concat(withdrawals),
    prefixes: count,
    withdrawn,
    attributeSets: announcements.length,
  };
}

function randomAttributes(random: (bound: number) => number, asn: number, nextHop: string): Buffer {
  const length = 1 + random(6);
  const path = Buffer.alloc(2 + 4 * (length + 1));
  path[0] = 2;
  path[1] = length + 1;
  path.writeUInt32BE(asn, 2);
  for (let i = 0; i < length; i++) path.writeUInt32BE(1000 + random(60_000), 6 + 4 * i);
  const hop = nextHop.split(".").map(Number);
  return Buffer.concat([
    Buffer.from([0x40, 1, 1, 0, 0x40, 2, path.length]),
    path,
    Buffer.from([0x40, 3, 4, ...hop, 0x80, 4, 4, 0, 0, random(256), random(256)]),
  ]);
}

function open(asn: number, routerId: string): Buffer {
  const capabilities = Buffer.from([1, 4, 0, 1, 0, 1, 65, 4, 0, 0, asn >> 8, asn & 255]);
  const body = Buffer.alloc(12 + capabilities.length);
  body[0] = 4;
  body.writeUInt16BE(asn, 1);
  body.writeUInt16BE(180, 3);
  Buffer.from(routerId.split(".").map(Number)).copy(body, 5);
  body[9] = 2 + capabilities.length;
  body[10] = 2;
  body[11] = capabilities.length;
  capabilities.copy(body, 12);
  return message(1, body);
}

/** One peer of the speaker under test: established, counts the prefixes announced and withdrawn. */
export class LoadPeer {
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #onCount: () => void = () => undefined;
  #failed: Error | undefined;
  announced = 0;
  withdrawn = 0;
  updates = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves when the session is established. */
  static establish(options: {
    readonly host: string;
    readonly port: number;
    readonly localAddress: string;
    readonly asn: number;
  }): Promise<LoadPeer> {
    return new Promise((resolve, reject) => {
      const { host, port, localAddress, asn } = options;
      const socket = connect({ host, port, localAddress, noDelay: true });
      const peer = new LoadPeer(socket);
      socket.once("connect", () => socket.write(open(asn, localAddress)));
      socket.on("data", (data) => {
        if (peer.#take(data)) resolve(peer);
      });
      const fail = (error: Error): void => {
        peer.#failed = error;
        peer.#onCount();
        reject(error);
      };
      socket.on("error", fail);
      socket.on("close", () => fail(new Error(`the speaker under test closed the session of AS ${asn}`)));
    });
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves when `condition` holds; rejects after `limit` milliseconds or when the session ends. */
  until(condition: () => boolean, limit: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#onCount = () => undefined;
        reject(new Error(`${this.announced} announced, ${this.withdrawn} withdrawn after ${limit} ms`));
      }, limit);
      this.#onCount = () => {
        if (this.#failed === undefined && !condition()) return;
        clearTimeout(timer);
        this.#onCount = () => undefined;
        if (this.#failed === undefined) resolve();
        else reject(this.#failed);
      };
      this.#onCount();
    });
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  /** True when a KEEPALIVE came: the session is up. */
  #take(data: Buffer): boolean {
    const bytes = this.#pending.length > 0 ? Buffer.concat([this.#pending, data]) : data;
    let at = 0;
    let alive = false;
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      const type = bytes[at + 18];
      if (type === 1) this.#socket.write(KEEPALIVE);
      else if (type === 2) this.#count(bytes, at + HEADER, at + length);
      else if (type === 3) {
        this.#failed = new Error(`NOTIFICATION ${bytes[at + HEADER]}/${bytes[at + HEADER + 1]}`);
      } else if (type === 4) {
        alive = true;
        this.#socket.write(KEEPALIVE);
      }
      at += length;
    }
    this.#pending = bytes.subarray(at);
    this.#onCount();
    return alive;
  }

  #count(bytes: Buffer, start: number, end: number): void {
    this.updates++;
    let at = start + 2;
    const withdrawnEnd = at + bytes.readUInt16BE(start);
    for (; at < withdrawnEnd; at += 1 + ((bytes[at]! + 7) >> 3)) this.withdrawn++;
    at = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd);
    for (; at < end; at += 1 + ((bytes[at]! + 7) >> 3)) this.announced++;
  }
}
