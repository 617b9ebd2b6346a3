/** The `name { key = value }` syntax that strongSwan's files share. */
export type ConfigValue = string | ConfigBlock;
export interface ConfigBlock {
  readonly [name: string]: ConfigValue;
}

export function renderBlock(block: ConfigBlock, indent = ""): string {
  return Object.entries(block)
    .map(([name, value]) =>
      typeof value === "string"
        ? `${indent}${name} = ${value}\n`
        : `${indent}${name} {\n${renderBlock(value, `${indent}  `)}${indent}}\n`,
    )
    .join("");
}

/** strongswan.conf(5): within double quotes, backslashes and quotes are escaped. */
export function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
