/** A certificate authority per key type, made by OpenSSL's command line: an issuer that neither side wrote. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type KeyType = "rsa" | "ecdsa" | "ed25519";

export interface Leaf {
  /** DER. */
  readonly certificate: Uint8Array;
  /** PKCS #8 DER. */
  readonly privateKey: Uint8Array;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface TestAuthority {
  readonly root: Uint8Array;
  readonly rootPem: string;
  readonly leaves: ReadonlyMap<string, Leaf>;
}

const KEY_OPTIONS: Readonly<Record<KeyType, string>> = {
  rsa: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
  ecdsa: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
  ed25519: "-algorithm ED25519",
};

/** `names` are DNS names, one leaf each. */
export function makeTestAuthority(type: KeyType, names: readonly string[]): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), "tandem-certificates-"));
  const openssl = (args: string): void =>
    void execFileSync("openssl", args.split(" "), { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const digest = type === "ed25519" ? "" : " -sha256";
    openssl(`genpkey ${KEY_OPTIONS[type]} -out root.key`);
    openssl(
      `req -x509 -new -key root.key${digest} -days 30 -subj /O=Tandem/CN=${type}-root -out root.pem ` +
        "-addext keyUsage=critical,keyCertSign,cRLSign",
    );
    const leaves = names.map((name): [string, Leaf] => {
      writeFileSync(
        join(folder, "leaf.ext"),
        `subjectAltName=DNS:${name}\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n` +
          "basicConstraints=critical,CA:FALSE\n",
      );
      openssl(`genpkey ${KEY_OPTIONS[type]} -out leaf.key`);
      openssl(`req -new -key leaf.key${digest} -subj /O=Tandem/CN=${name} -out leaf.csr`);
      openssl(
        `x509 -req -in leaf.csr${digest} -CA root.pem -CAkey root.key -CAcreateserial -days 10 -extfile leaf.ext -out leaf.pem`,
      );
      return [name, leafOf(read(folder, "leaf.pem"), read(folder, "leaf.key"))];
    });
    const rootPem = read(folder, "root.pem");
    return { root: der(rootPem), rootPem, leaves: new Map(leaves) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const read = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8");
const der = (pem: string): Uint8Array => Uint8Array.from(new X509Certificate(pem).raw);

function leafOf(certificatePem: string, privateKeyPem: string): Leaf {
  const key = createPrivateKey(privateKeyPem).export({ type: "pkcs8", format: "der" });
  return {
    certificate: der(certificatePem),
    privateKey: Uint8Array.from(key),
    certificatePem,
    privateKeyPem,
  };
}
