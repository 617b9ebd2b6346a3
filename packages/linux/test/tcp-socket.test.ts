import { once } from "node:events";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RouteNetlink } from "../src/rtnetlink.ts";
import { connectTcp, listenTcp, type TcpListener } from "../src/tcp-socket.ts";
import { inThrowawayNetwork } from "./throwaway-network.ts";

const key = Buffer.from("correct horse");

inThrowawayNetwork(import.meta.filename, () => {
  const netlink = new RouteNetlink();
  netlink.addAddress({ index: netlink.linkIndex("lo"), address: "fd00:7e57::2", prefixLength: 128 });

  describe.each([
    ["127.0.0.1", "127.0.0.2"],
    ["::1", "fd00:7e57::2"],
  ])("TCP from %s to %s", (here, there) => {
    let listener: TcpListener;
    beforeAll(async () => {
      listener = await listenTcp({ address: there, port: 0, ttl: 255, minTtl: 255 });
      listener.server.on("connection", (socket: Socket) => {
        socket.on("error", () => {}); // the other side resets
        socket.pipe(socket);
      });
    });
    afterAll(() => listener.close());
    const base = () => ({ localAddress: here, remoteAddress: there, remotePort: listener.port, ttl: 255 });
    const echo = async (socket: Socket): Promise<string> => {
      socket.write("ping");
      const [data] = await once(socket, "data");
      return String(data);
    };

    test("connects from the chosen address and port, again and again", async () => {
      for (let round = 0; round < 3; round++) {
        const socket = await connectTcp({ ...base(), localPort: 40179 });
        expect(await echo(socket)).toBe("ping");
        expect(socket.localAddress).toBe(here);
        expect(socket.localPort).toBe(40179);
        socket.resetAndDestroy();
        await once(socket, "close");
      }
    });

    test("an adopter redials from the port of a session that still stands", async () => {
      const dead = await connectTcp({ ...base(), localPort: 40180, reusePort: true });
      const other = await listenTcp({ address: there, port: 0, ttl: 255 });
      const adopted = await connectTcp({
        ...base(),
        remotePort: other.port,
        localPort: 40180,
        reusePort: true,
      });
      expect(adopted.localPort).toBe(40180);
      for (const socket of [dead, adopted]) socket.destroy();
      other.close();
    });

    test("a TTL below the minimum is not heard (RFC 5082)", async () => {
      const signal = AbortSignal.timeout(300);
      await expect(connectTcp({ ...base(), ttl: 64, signal })).rejects.toThrow(/timeout/);
    });

    test("only the right signature connects, each peer with its own key (RFC 2385)", async () => {
      listener.setMd5Key(here, key);
      const signed = await connectTcp({ ...base(), md5Key: key });
      expect(await echo(signed)).toBe("ping");
      signed.destroy();
      const wrong = { ...base(), md5Key: Buffer.from("wrong"), signal: AbortSignal.timeout(300) };
      await expect(connectTcp(wrong)).rejects.toThrow(/timeout/);
      await expect(connectTcp({ ...base(), signal: AbortSignal.timeout(300) })).rejects.toThrow(/timeout/);
      const stranger = await connectTcp({ ...base(), localAddress: there });
      expect(await echo(stranger)).toBe("ping");
      stranger.destroy();
      listener.setMd5Key(here, undefined);
      listener.setMd5Key(here, undefined);
      const unsigned = await connectTcp(base());
      expect(await echo(unsigned)).toBe("ping");
      unsigned.destroy();
    });

    test("refusals name the cause", async () => {
      await expect(connectTcp({ remoteAddress: there, remotePort: 1 })).rejects.toMatchObject({
        code: "ECONNREFUSED",
      });
      await expect(listenTcp({ address: there, port: listener.port })).rejects.toMatchObject({
        code: "EADDRINUSE",
      });
      const taken = await connectTcp({ ...base(), localPort: 40181 });
      await expect(connectTcp({ ...base(), localPort: 40181 })).rejects.toThrow(/EADDR/);
      taken.destroy();
      expect(() => listener.setMd5Key(here, new Uint8Array(81))).toThrow(RangeError);
    });
  });
});
