/** Vendor ID payload (RFC 7296 §3.12): read for transcripts, never acted on. */
export interface VendorIdPayload {
  readonly kind: "V";
  readonly data: Uint8Array;
}

export const decodeVendorId = (body: Uint8Array): VendorIdPayload => ({ kind: "V", data: body.slice() });
export const encodeVendorId = (payload: VendorIdPayload): Uint8Array => payload.data;
