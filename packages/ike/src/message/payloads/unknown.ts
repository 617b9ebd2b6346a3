/** A payload that this implementation does not know: kept whole. The critical bit decides its fate (RFC 7296 §2.5). */
export interface UnknownPayload {
  readonly kind: "unknown";
  readonly type: number;
  readonly critical: boolean;
  readonly data: Uint8Array;
}
