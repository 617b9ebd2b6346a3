/**
 * A stand-in for the official Node image, made on this machine, because a test must not pull: Debian by debootstrap from
 * the mirror that apt uses here, Node by the same pinned and hashed archive that ./tandem uses, npm beside it.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { DockerDaemon } from "./docker-daemon.ts";

/** What the image's two targets would install, so that the build needs no archive from inside a container. */
const PACKAGES = [
  ...[
    "iproute2",
    "iputils-ping",
    "ca-certificates",
    "iperf3",
    "nftables",
    "bird2",
    "frr",
    "strongswan-charon",
  ],
  ...[
    "strongswan-swanctl",
    "libcharon-extra-plugins",
    "libstrongswan-standard-plugins",
    "libstrongswan-extra-plugins",
    ...(process.arch === "x64" ? ["libipsec-mb1"] : []),
  ],
].join(",");
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
export const BASE_IMAGE = "tandem-base:local";

/** A file that `docker save` made of the base image: a developer's short cut past two minutes of debootstrap. */
const SAVED_IMAGE = "TANDEM_TEST_BASE_IMAGE";

export function makeBaseImage(daemon: DockerDaemon): void {
  const saved = process.env[SAVED_IMAGE];
  if (saved !== undefined) {
    daemon.must(daemon.docker(["load", "--input", saved], { timeoutSeconds: 180 }));
    return;
  }
  const root = join(daemon.folder, "root");
  const release = /VERSION_CODENAME=(\w+)/.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
  const strap = ["--variant=minbase", `--include=${PACKAGES}`, release, root, debianMirror()];
  daemon.must(daemon.run("debootstrap", strap, { timeoutSeconds: 300 }));
  const tools = join(daemon.folder, "tools");
  daemon.must(daemon.run("tools/fetch-toolchain", [tools, "node"]));
  cpSync(join(tools, "bin/node"), join(root, "usr/local/bin/node"));
  mkdirSync(join(root, "usr/local/lib/node_modules"), { recursive: true });
  cpSync(npmFolder(daemon), join(root, "usr/local/lib/node_modules/npm"), {
    recursive: true,
    dereference: true,
  });
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
  // The build fetches packages the way this machine does: with its certificates.
  cpSync(CERTIFICATES, join(root, CERTIFICATES), { dereference: true });
  const changes = [`ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, `ENV npm_config_cafile=${CERTIFICATES}`];
  const archive = `tar -C '${root}' -c . | docker import ${changes.map((c) => `--change '${c}'`).join(" ")} - ${BASE_IMAGE}`;
  daemon.must(daemon.run("sh", ["-c", archive], { timeoutSeconds: 180 }));
}

function npmFolder(daemon: DockerDaemon): string {
  const npm = daemon.must(daemon.run("sh", ["-c", 'readlink -f "$(command -v npm)"'])).trim();
  const folder = join(npm, "../..");
  if (!existsSync(join(folder, "package.json")))
    throw new Error(`npm is not where it was expected: ${folder}`);
  return folder;
}

/** The first Debian archive in apt's sources, in either of apt's two formats. */
function debianMirror(): string {
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder).map((f) => join(folder, f)) : []),
  ];
  const lines = files.filter((f) => existsSync(f)).flatMap((f) => readFileSync(f, "utf8").split("\n"));
  const uris = lines
    .filter((line) => /^\s*(deb\s|URIs:)/.test(line))
    .flatMap((line) => line.match(/https?:\/\/[^\s\]]+/g) ?? []);
  const mirror = uris.find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new Error(`no Debian archive in ${files.join(", ")}`);
  return mirror;
}
