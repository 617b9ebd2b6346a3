/**
 * The channel between two instances of a pair: one TCP stream, both ends know one key (contract: partner.key).
 *
 *      dialer                                    listener
 *      hello { version, name, nonce, X25519 } ─▶
 *                                             ◀─ hello
 *      record 0 "ready", process ─────────────▶      records: u32 length │ AES-256-GCM ciphertext │ 16-byte tag
 *                                             ◀─ record 0 "ready", process
 *
 * Session keys: HKDF-SHA256 over the X25519 secret and the shared key, salted with both nonces, bound to both names
 * and the version. The nonce of a record is its number, and each direction has its own key: no pair repeats, no record
 * can be left out, repeated or moved. An end with another key fails at record 0, and nothing was said before it. `process`
 * names the process, not the instance: a restarted partner has another one, and an empty memory.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import type { Socket } from "node:net";

export const CHANNEL_VERSION = 2;
const MAGIC = "tandem-pair";
const HELLO_LIMIT = 4096;
/** A seat with a few thousand Child SAs fits. */
const RECORD_LIMIT = 64 * 1024 * 1024;
const TAG_LENGTH = 16;
const READY = Buffer.from("ready ");
/** Implementation constant, milliseconds: an end that does not finish its handshake is let go. */
const HANDSHAKE_LIMIT = 2_000;

export interface SecureChannelOptions {
  readonly role: "dialer" | "listener";
  readonly key: Uint8Array;
  readonly name: string;
  readonly partner: string;
  /** Random, of this process. */
  readonly process: string;
  readonly version?: number;
  onReady(partnerProcess: string): void;
  onRecord(record: Buffer): void;
  /** Called once, with a reason for people. */
  onClose(reason: string): void;
}

interface Hello {
  readonly magic: string;
  readonly version: number;
  readonly name: string;
  readonly nonce: string;
  readonly publicKey: string;
}

export class SecureChannel {
  readonly #socket: Socket;
  readonly #options: SecureChannelOptions;
  readonly #version: number;
  readonly #nonce = randomBytes(32);
  readonly #privateKey: KeyObject;
  readonly #publicKey: Buffer;
  readonly #timer: NodeJS.Timeout;
  #pending: Buffer[] = [];
  #pendingLength = 0;
  #state: "hello" | "proof" | "ready" | "closed" = "hello";
  #sendKey: Buffer | undefined;
  #receiveKey: Buffer | undefined;
  #sent = 0;
  #received = 0;
  #reason = "the partner closed the connection";

  constructor(socket: Socket, options: SecureChannelOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#version = options.version ?? CHANNEL_VERSION;
    const pair = generateKeyPairSync("x25519");
    this.#privateKey = pair.privateKey;
    this.#publicKey = pair.publicKey.export({ type: "spki", format: "der" });
    this.#timer = setTimeout(() => this.close("no handshake in time"), HANDSHAKE_LIMIT);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => {
      this.#reason = (error as NodeJS.ErrnoException).code ?? error.message;
    });
    socket.on("close", () => this.#ended(this.#reason));
    const hello: Hello = {
      magic: MAGIC,
      version: this.#version,
      name: options.name,
      nonce: this.#nonce.toString("hex"),
      publicKey: this.#publicKey.toString("hex"),
    };
    this.#frame(Buffer.from(JSON.stringify(hello)));
  }

  /** Bytes that have not left yet: a partner that does not read shows here. */
  get queued(): number {
    return this.#socket.writableLength;
  }

  send(record: Uint8Array): void {
    if (this.#state !== "ready") return;
    this.#seal(record);
  }

  close(reason: string): void {
    this.#reason = reason;
    this.#socket.destroy();
    this.#ended(reason);
  }

  #receive(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingLength += chunk.length;
    while (this.#state !== "closed" && this.#pendingLength >= 4) {
      const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
      this.#pending = [bytes];
      const length = bytes.readUInt32BE(0);
      if (length > (this.#state === "hello" ? HELLO_LIMIT : RECORD_LIMIT)) {
        this.close("a frame that is too long");
        return;
      }
      if (bytes.length < 4 + length) return;
      const rest = bytes.subarray(4 + length);
      this.#pending = rest.length === 0 ? [] : [rest];
      this.#pendingLength = rest.length;
      this.#take(bytes.subarray(4, 4 + length));
    }
  }

  #take(frame: Buffer): void {
    if (this.#state === "hello") {
      this.#takeHello(frame);
      return;
    }
    const record = this.#open(frame);
    if (record === undefined) {
      this.close("a record that does not verify: the partner has another key");
      return;
    }
    if (this.#state === "ready") {
      this.#options.onRecord(record);
      return;
    }
    if (!record.subarray(0, READY.length).equals(READY)) {
      this.close("no proof of the key");
      return;
    }
    clearTimeout(this.#timer);
    this.#state = "ready";
    this.#options.onReady(record.toString("utf8", READY.length));
  }

  #takeHello(frame: Buffer): void {
    const hello = readHello(frame);
    if (hello === undefined) {
      this.close("not a partner: no hello");
      return;
    }
    if (hello.version !== this.#version) {
      this.close(`the partner speaks version ${hello.version}, we speak ${this.#version}`);
      return;
    }
    if (hello.name !== this.#options.partner) {
      this.close(`"${hello.name}" called, "${this.#options.partner}" was expected`);
      return;
    }
    const keys = this.#deriveKeys(hello);
    if (keys === undefined) {
      this.close("a hello without a usable public key");
      return;
    }
    this.#sendKey = keys.send;
    this.#receiveKey = keys.receive;
    this.#state = "proof";
    this.#seal(Buffer.concat([READY, Buffer.from(this.#options.process)]));
  }

  #deriveKeys(hello: Hello): { send: Buffer; receive: Buffer } | undefined {
    let secret: Buffer;
    try {
      const publicKey = createPublicKey({
        key: Buffer.from(hello.publicKey, "hex"),
        format: "der",
        type: "spki",
      });
      secret = diffieHellman({ privateKey: this.#privateKey, publicKey });
    } catch {
      return undefined;
    }
    const dialer = this.#options.role === "dialer";
    const own = [this.#nonce, Buffer.from(this.#options.name)] as const;
    const other = [Buffer.from(hello.nonce, "hex"), Buffer.from(hello.name)] as const;
    const [first, second] = dialer ? [own, other] : [other, own];
    const salt = Buffer.concat([first[0], second[0]]);
    const info = Buffer.concat([
      Buffer.from(`${MAGIC} ${this.#version}\0`),
      first[1],
      Buffer.of(0),
      second[1],
    ]);
    const material = Buffer.from(
      hkdfSync("sha256", Buffer.concat([secret, this.#options.key]), salt, info, 64),
    );
    const toListener = material.subarray(0, 32);
    const toDialer = material.subarray(32);
    return dialer ? { send: toListener, receive: toDialer } : { send: toDialer, receive: toListener };
  }

  #seal(record: Uint8Array): void {
    const cipher = createCipheriv("aes-256-gcm", this.#sendKey!, recordNonce(this.#sent++));
    this.#frame(Buffer.concat([cipher.update(record), cipher.final(), cipher.getAuthTag()]));
  }

  #open(frame: Buffer): Buffer | undefined {
    if (frame.length < TAG_LENGTH) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#receiveKey!, recordNonce(this.#received++));
    decipher.setAuthTag(frame.subarray(frame.length - TAG_LENGTH));
    try {
      return Buffer.concat([decipher.update(frame.subarray(0, frame.length - TAG_LENGTH)), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  #frame(body: Uint8Array): void {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(body.length);
    this.#socket.write(Buffer.concat([header, body]));
  }

  #ended(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#timer);
    this.#options.onClose(reason);
  }
}

function recordNonce(number: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(number), 4);
  return nonce;
}

function readHello(frame: Buffer): Hello | undefined {
  try {
    const value = JSON.parse(frame.toString("utf8")) as Partial<Hello>;
    const { magic, version, name, nonce, publicKey } = value;
    if (magic !== MAGIC || typeof version !== "number" || typeof name !== "string") return undefined;
    if (typeof nonce !== "string" || !/^[0-9a-f]{64}$/.test(nonce) || typeof publicKey !== "string")
      return undefined;
    return { magic, version, name, nonce, publicKey };
  } catch {
    return undefined;
  }
}
