/**
 * strongSwan's configuration interface, as far as the tests speak it (README.md of libcharon's vici plugin, "Protocol").
 *
 *      packet   | length (4) | type (1) | name length (1), name |  elements ...
 *      element  | 1 name ... 2 | 3 name value | 4 name (5 item)* 6 |        sections, values, lists
 */
import { connect, type Socket } from "node:net";

export interface ViciSection {
  readonly [name: string]: string | readonly string[] | Uint8Array | ViciSection;
}

const Packet = {
  CMD_REQUEST: 0,
  CMD_RESPONSE: 1,
  EVENT_REGISTER: 3,
  EVENT_CONFIRM: 5,
  EVENT: 7,
} as const;

const Element = {
  SECTION_START: 1,
  SECTION_END: 2,
  KEY_VALUE: 3,
  LIST_START: 4,
  LIST_ITEM: 5,
  LIST_END: 6,
} as const;

interface Awaited {
  readonly resolve: (message: ViciSection) => void;
  readonly reject: (error: Error) => void;
}

export class Vici {
  readonly #socket: Socket;
  readonly #answers: Awaited[] = [];
  readonly #registered: Set<string> = new Set();
  #input: Buffer = Buffer.alloc(0);
  #onEvent: (name: string, message: ViciSection) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      this.#read();
    });
    const end = (error: Error): void => {
      for (const awaited of this.#answers.splice(0)) awaited.reject(error);
    };
    socket.on("error", end);
    socket.on("close", () => end(new Error("charon closed the connection")));
  }

  static open(path: string): Promise<Vici> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Vici(socket));
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Answers come in the order of the requests. Rejects when charon says that it failed, with its words. */
  async request(command: string, message: ViciSection = {}): Promise<ViciSection> {
    const answer = await this.#ask(Packet.CMD_REQUEST, command, message);
    if (answer.success === "no") throw new Error(`${command}: ${answer.errmsg as string}`);
    return answer;
  }

  /** A command whose results arrive as events. One at a time. */
  async stream(command: string, event: string, message: ViciSection = {}): Promise<ViciSection[]> {
    const events: ViciSection[] = [];
    this.#onEvent = (name, content) => {
      if (name === event) events.push(content);
    };
    if (!this.#registered.has(event)) {
      this.#registered.add(event);
      await this.#ask(Packet.EVENT_REGISTER, event, {});
    }
    await this.request(command, message);
    return events;
  }

  #ask(type: number, name: string, message: ViciSection): Promise<ViciSection> {
    const body = Buffer.concat([Buffer.from([type, name.length]), Buffer.from(name), ...encode(message)]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject });
      this.#socket.write(Buffer.concat([length, body]));
    });
  }

  #read(): void {
    while (this.#input.length >= 4) {
      const end = 4 + this.#input.readUInt32BE(0);
      if (this.#input.length < end) return;
      const packet = this.#input.subarray(4, end);
      this.#input = this.#input.subarray(end);
      this.#take(packet);
    }
  }

  #take(packet: Buffer): void {
    const type = packet[0]!;
    if (type === Packet.EVENT) {
      const nameEnd = 2 + packet[1]!;
      this.#onEvent(packet.toString("latin1", 2, nameEnd), decode(packet, nameEnd));
      return;
    }
    const awaited = this.#answers.shift();
    if (type === Packet.CMD_RESPONSE) awaited?.resolve(decode(packet, 1));
    else if (type === Packet.EVENT_CONFIRM) awaited?.resolve({});
    else awaited?.reject(new Error(`charon does not know that command or event (${type})`));
  }
}

const bytesOf = (value: string | Uint8Array): Buffer => Buffer.from(value as Uint8Array);

function encode(section: ViciSection): Buffer[] {
  return Object.entries(section).flatMap(([name, value]) => {
    const head = (type: number): Buffer =>
      Buffer.concat([Buffer.from([type, name.length]), Buffer.from(name)]);
    const sized = (text: string | Uint8Array): Buffer => {
      const bytes = bytesOf(text);
      return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
    };
    if (typeof value === "string" || value instanceof Uint8Array)
      return [head(Element.KEY_VALUE), sized(value)];
    if (Array.isArray(value)) {
      const items = (value as readonly string[]).flatMap((item) => [
        Buffer.from([Element.LIST_ITEM]),
        sized(item),
      ]);
      return [head(Element.LIST_START), ...items, Buffer.from([Element.LIST_END])];
    }
    return [head(Element.SECTION_START), ...encode(value as ViciSection), Buffer.from([Element.SECTION_END])];
  });
}

function decode(packet: Buffer, start: number): ViciSection {
  let at = start;
  const name = (): string => {
    const length = packet[at++]!;
    at += length;
    return packet.toString("utf8", at - length, at);
  };
  const value = (): string => {
    const length = packet.readUInt16BE(at);
    at += 2 + length;
    return packet.toString("utf8", at - length, at);
  };
  const section = (): ViciSection => {
    const out: Record<string, string | string[] | ViciSection> = {};
    while (at < packet.length) {
      const element = packet[at++];
      if (element === Element.SECTION_END) return out;
      const key = name();
      if (element === Element.SECTION_START) out[key] = section();
      else if (element === Element.KEY_VALUE) out[key] = value();
      else {
        const items: string[] = [];
        while (packet[at++] === Element.LIST_ITEM) items.push(value());
        out[key] = items;
      }
    }
    return out;
  };
  return section();
}
