/** Milliseconds on a monotonic clock whose origin means nothing. Fractions are allowed. */
export type Instant = number;

/** A length of time in milliseconds. */
export type Duration = number;

export const seconds = (n: number): Duration => n * 1000;
