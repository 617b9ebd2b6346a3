/** Prints files line by line and, when asked to, goes on as they grow. */
import { watch } from "node:fs";
import { open } from "node:fs/promises";

export interface FollowedFile {
  readonly path: string;
  readonly label: string;
}

/** Resolves at the end of the files; with `follow`, only when the process is ended. */
export async function followFiles(
  files: readonly FollowedFile[],
  follow: boolean,
  onLine: (label: string, line: string) => void,
): Promise<void> {
  const readers = files.map((file) => lineReader(file, onLine));
  for (const read of readers) await read();
  if (!follow) return;
  for (const [index, { path }] of files.entries()) watch(path, () => void readers[index]?.());
  await new Promise<never>(() => {});
}

function lineReader({ path, label }: FollowedFile, onLine: (label: string, line: string) => void) {
  let offset = 0;
  let rest = "";
  let last = Promise.resolve();
  const read = async (): Promise<void> => {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size < offset) offset = 0; // the file was begun anew
      const buffer = Buffer.alloc(size - offset);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      offset += bytesRead;
      const lines = (rest + buffer.toString("utf8", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(label, line);
    } finally {
      await file.close();
    }
  };
  return (): Promise<void> => {
    last = last.then(read, read);
    return last;
  };
}
