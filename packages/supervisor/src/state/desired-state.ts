/**
 * What must survive the supervisor: desired resources, the profile, and the highest epoch ever given out for each seat.
 * An epoch is written before the command that uses it is sent. The database is not synced to the disk on that path: it
 * guards against the death of this process; after the death of the machine there are no seats left to fence.
 */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

export class DesiredState {
  readonly #database: DatabaseSync;
  readonly #remember: StatementSync;
  readonly #onFault: (message: string) => void;
  #closed = false;

  /** Throws when the file cannot be made; a file that is full later is reported, and failover goes on. */
  constructor(file: string, onFault: (message: string) => void) {
    this.#onFault = onFault;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    this.#database = new DatabaseSync(file);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS epochs (seat TEXT PRIMARY KEY, epoch INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS desired (key TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS history (at REAL NOT NULL, seat TEXT, event TEXT NOT NULL, message TEXT NOT NULL);
    `);
    this.#remember = this.#database.prepare(
      "INSERT INTO epochs VALUES (?, ?) ON CONFLICT (seat) DO UPDATE SET epoch = max(epoch, excluded.epoch)",
    );
  }

  epochs(): { name: string; epoch: number }[] {
    return this.#database
      .prepare("SELECT seat, epoch FROM epochs")
      .all()
      .map((row) => ({ name: String(row.seat), epoch: Number(row.epoch) }));
  }

  rememberEpoch(seat: string, epoch: number): void {
    this.#try(() => this.#remember.run(seat, epoch));
  }

  /** Kept for the resource's health history (azure-vpn-gateway §1.5). */
  recordHistory(at: number, seat: string | undefined, event: string, message: string): void {
    this.#try(() =>
      this.#database.prepare("INSERT INTO history VALUES (?, ?, ?, ?)").run(at, seat ?? null, event, message),
    );
  }

  history(limit: number): { at: number; seat: string | null; event: string; message: string }[] {
    return this.#database
      .prepare("SELECT at, seat, event, message FROM history ORDER BY at DESC LIMIT ?")
      .all(limit)
      .map((row) => ({
        at: Number(row.at),
        seat: row.seat === null ? null : String(row.seat),
        event: String(row.event),
        message: String(row.message),
      }));
  }

  set(key: string, value: unknown): void {
    this.#try(() =>
      this.#database
        .prepare("INSERT INTO desired VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .run(key, JSON.stringify(value)),
    );
  }

  get(key: string): unknown {
    const row = this.#database.prepare("SELECT value FROM desired WHERE key = ?").get(key);
    return row === undefined ? undefined : JSON.parse(String(row.value));
  }

  close(): void {
    this.#closed = true;
    this.#database.close();
  }

  /** A full disk must not stop a failover: the fabric refuses old epochs all the same. */
  #try(write: () => unknown): void {
    if (this.#closed) return;
    try {
      write();
    } catch (error) {
      this.#onFault(`state file: ${(error as Error).message}`);
    }
  }
}
