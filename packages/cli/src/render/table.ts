/** Columns for people: aligned, two spaces apart, no lines around them. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly alignRight?: boolean;
}

export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const widths = columns.map(({ title }, index) =>
    Math.max(visibleLength(title), ...cells.map((line) => visibleLength(line[index] ?? ""))),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - visibleLength(text)));
        return columns[index]?.alignRight === true ? padding + text : text + padding;
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)].map((text) => `${text}\n`).join("");
}

/** Without the escape sequences of colours. */
export function visibleLength(text: string): number {
  return text.replaceAll(ESCAPE, "").length;
}

const ESCAPE = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
