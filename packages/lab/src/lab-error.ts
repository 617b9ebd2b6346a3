/** An expected failure of a lab command: what happened, and what the user can do about it. */
export class LabError extends Error {
  readonly cure: string | undefined;

  constructor(message: string, cure?: string) {
    super(message);
    this.name = "LabError";
    this.cure = cure;
  }
}

/** The text of anything that was thrown, for a message to a person. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
