/** Two ends of different versions do not talk, and say why. */
import { randomBytes } from "node:crypto";
import { connect, createServer } from "node:net";
import { expect, it } from "vitest";
import { CHANNEL_VERSION, SecureChannel } from "../../src/replication/secure-channel.ts";

it.each([
  [CHANNEL_VERSION, CHANNEL_VERSION, undefined],
  [
    CHANNEL_VERSION,
    CHANNEL_VERSION + 1,
    `speaks version ${CHANNEL_VERSION + 1}, we speak ${CHANNEL_VERSION}`,
  ],
])("version %i with version %i", async (own, other, refusal) => {
  const key = randomBytes(32);
  const outcome = (
    role: "dialer" | "listener",
    version: number,
    socket: Parameters<typeof connect>[0] | unknown,
  ) =>
    new Promise<string>((resolve) => {
      const end = role === "dialer" ? "gw/IN_0" : "gw/IN_1";
      const channel = new SecureChannel(socket as ConstructorParameters<typeof SecureChannel>[0], {
        role,
        key,
        name: end,
        partner: end === "gw/IN_0" ? "gw/IN_1" : "gw/IN_0",
        process: role,
        version,
        onReady: () => {
          resolve("ready");
          setTimeout(() => channel.close("done"), 50);
        },
        onRecord: () => {},
        onClose: resolve,
      });
    });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise((resolve) => server.once("connection", resolve));
  const dialed = connect(port, "127.0.0.1");
  const ends = await Promise.all([
    outcome("dialer", own, dialed),
    accepted.then((s) => outcome("listener", other, s)),
  ]);
  if (refusal === undefined) expect(ends).toEqual(["ready", "ready"]);
  else expect(ends.join(" / ")).toContain(refusal);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
