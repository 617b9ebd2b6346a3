/**
 * An explicit capture: inner and outer packets of this process in one pcapng file, with the keys that decrypt it.
 *
 *      data plane ─ captured ─▶ PATH (pcapng, one interface inside and one outside)
 *      Child SAs, IKE SAs ────▶ PATH.keys/wireshark/profiles/tandem/{esp_sa, ikev2_decryption_table, preferences}
 *
 * This is one of the three ways in which keys may leave a process (DESIGN §3). Every file is 0600.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { CaptureResult } from "@tandem/contract";
import type { ChildSaParameters } from "@tandem/esp";
import type { ExportedIkeSa } from "@tandem/ike";
import { LinkType, PcapngWriter } from "@tandem/wire";
import { ControlRefusal } from "../control/server.ts";
import type { DataPlaneEvent } from "../dataplane/commands.ts";
import { espSaLines, ikev2DecryptionLine, PREFERENCES } from "./wireshark-keys.ts";

const PROFILE = "tandem";

export interface CaptureSource {
  readonly node: string;
  childSas(): Iterable<ChildSaParameters>;
  ikeSas(): Iterable<ExportedIkeSa>;
  /** Turns copies of packets on or off. */
  copy(on: boolean): Promise<unknown>;
}

interface OpenCapture {
  readonly path: string;
  readonly config: string;
  readonly folder: string;
  readonly file: number;
  readonly writer: PcapngWriter;
  readonly interfaces: Map<string, number>;
  readonly keys: Set<string>;
  packets: number;
}

export class CaptureSession {
  readonly #source: CaptureSource;
  #open: OpenCapture | undefined;

  constructor(source: CaptureSource) {
    this.#source = source;
  }

  async start(path: string): Promise<CaptureResult> {
    if (this.#open !== undefined) {
      throw new ControlRefusal(`a capture into ${this.#open.path} is under way`, "stop it first");
    }
    const config = `${path}.keys`;
    const folder = join(config, "wireshark", "profiles", PROFILE);
    let file: number;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      file = openSync(path, "w", 0o600);
      writeFileSync(join(folder, "preferences"), PREFERENCES, { mode: 0o600 });
    } catch (error) {
      throw new ControlRefusal(`cannot capture into ${path}: ${(error as Error).message}`);
    }
    const writer = new PcapngWriter();
    writeSync(file, writer.start("tandem", this.#source.node));
    this.#open = { path, config, folder, file, writer, interfaces: new Map(), keys: new Set(), packets: 0 };
    this.writeKeys();
    await this.#source.copy(true);
    return this.#result(this.#open);
  }

  async stop(): Promise<CaptureResult> {
    const open = this.#open;
    if (open === undefined) throw new ControlRefusal("no capture is under way");
    await this.#source.copy(false);
    this.writeKeys();
    this.#open = undefined;
    closeSync(open.file);
    return this.#result(open);
  }

  packet(event: Extract<DataPlaneEvent, { kind: "captured" }>): void {
    const open = this.#open;
    if (open === undefined) return;
    let id = open.interfaces.get(event.interface);
    if (id === undefined) {
      const added = open.writer.addInterface(`${this.#source.node} ${event.interface}`, LinkType.raw);
      writeSync(open.file, added.piece);
      id = added.id;
      open.interfaces.set(event.interface, id);
    }
    const timestamp = BigInt(Math.round(event.at * 1000)) * 1000n;
    writeSync(
      open.file,
      open.writer.packet({ interfaceId: id, timestamp, bytes: event.packet, direction: event.direction }),
    );
    open.packets++;
  }

  /** To be called whenever an SA was made: keys of SAs that are gone stay in the files. */
  writeKeys(): void {
    const open = this.#open;
    if (open === undefined) return;
    const before = open.keys.size;
    for (const sa of this.#source.childSas())
      for (const line of espSaLines(sa)) open.keys.add(`esp_sa ${line}`);
    for (const sa of this.#source.ikeSas()) {
      const line = ikev2DecryptionLine(sa);
      if (line !== undefined) open.keys.add(`ikev2_decryption_table ${line}`);
    }
    if (open.keys.size === before && before > 0) return;
    for (const table of ["esp_sa", "ikev2_decryption_table"]) {
      const lines = [...open.keys]
        .filter((key) => key.startsWith(`${table} `))
        .map((key) => key.slice(table.length + 1));
      writeFileSync(join(open.folder, table), lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    }
  }

  #result(open: OpenCapture): CaptureResult {
    return { file: open.path, config: open.config, profile: PROFILE, packets: open.packets };
  }
}
