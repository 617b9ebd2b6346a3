/** The terminal as a screen: alternate buffer, no cursor, keys one by one; given back as it was. */
const ESCAPE = "\u001b";
const ENTER = `${ESCAPE}[?1049h${ESCAPE}[?25l`;
const LEAVE = `${ESCAPE}[?25h${ESCAPE}[?1049l`;
const HOME = `${ESCAPE}[H`;
const CLEAR_LINE = `${ESCAPE}[K`;
const CLEAR_BELOW = `${ESCAPE}[J`;

export class Terminal {
  #open = false;
  #onKey: ((key: string) => void) | undefined;

  open(onKey: (key: string) => void): void {
    this.#open = true;
    this.#onKey = onKey;
    process.stdin.setRawMode(true);
    process.stdin.setEncoding("utf8");
    process.stdin.on("data", this.#read);
    process.stdin.resume();
    process.stdout.write(ENTER);
    process.once("exit", this.#restore);
  }

  draw(render: (width: number, height: number) => string): void {
    if (!this.#open) return;
    const { columns, rows } = process.stdout;
    const text = render(columns, rows).replaceAll("\n", `${CLEAR_LINE}\r\n`);
    process.stdout.write(`${HOME}${text}${CLEAR_LINE}${CLEAR_BELOW}`);
  }

  close(): void {
    if (!this.#open) return;
    this.#restore();
    process.off("exit", this.#restore);
    process.stdin.off("data", this.#read);
    process.stdin.pause();
  }

  readonly #read = (chunk: string | Buffer): void => {
    const text = String(chunk);
    // An arrow is one key of three characters; anything else comes one by one.
    if (text.startsWith(ESCAPE)) this.#onKey?.(text);
    else for (const key of text) this.#onKey?.(key);
  };

  readonly #restore = (): void => {
    if (!this.#open) return;
    this.#open = false;
    process.stdout.write(LEAVE);
    process.stdin.setRawMode(false);
  };
}
