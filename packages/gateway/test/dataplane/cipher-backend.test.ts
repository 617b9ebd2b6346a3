import { describe, expect, it } from "vitest";
import { loadCipherBackend } from "../../src/dataplane/cipher-backend.ts";

describe("cipher backends", () => {
  it.each(["evp", "node", "noble"])("%s is loaded under its name, which status shows", async (name) => {
    expect((await loadCipherBackend(name)).name).toBe(name);
  });

  it.each(["openssl", "", "toString"])('"%s" is refused with what would be accepted', async (name) => {
    await expect(loadCipherBackend(name)).rejects.toThrow(/TANDEM_ESP_BACKEND.*ipsec-mb, evp, node, noble/);
  });
});
