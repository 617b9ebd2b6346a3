/** Colours on a terminal that wants them (NO_COLOR, https://no-color.org). */
const wanted =
  process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb";

const paint =
  (code: number) =>
  (text: string): string =>
    wanted ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold: (text: string) => string = paint(1);
export const dim: (text: string) => string = paint(2);
export const red: (text: string) => string = paint(31);
export const green: (text: string) => string = paint(32);
export const yellow: (text: string) => string = paint(33);
