/**
 * A prober: sends the flows of its configuration and records those of others, until it is told to stop.
 * It ends when the connection that started it closes: a viewer that dies leaves no traffic behind.
 *
 *      open      sockets and TCP connections        start / stop    sending
 *      report    { sent, received } of every flow   owner           "end with me"
 */
import { readFileSync } from "node:fs";
import { serveControl } from "../control/control-server.ts";
import type { ProberConfig } from "./prober-config.ts";
import { Receiver } from "./receiver.ts";
import { TcpSender } from "./tcp-sender.ts";
import { UdpSender } from "./udp-sender.ts";

const path = process.argv[process.argv.indexOf("--config") + 1] ?? "";
const config = JSON.parse(readFileSync(path, "utf8")) as ProberConfig;
const receiver = new Receiver();
const udp = new UdpSender(config.rate);
const tcp = new TcpSender(config.rate);

const end = (): never => process.exit(0);
process.on("SIGTERM", end).on("SIGINT", end);

await receiver.listen(config.port);
await serveControl(config.controlSocket, {
  owner: (_params, socket) => {
    socket.on("close", end);
  },
  open: async () => {
    await udp.open(
      config.flows.filter(({ protocol }) => protocol === "udp"),
      config.port,
      config.size,
    );
    await tcp.open(
      config.flows.filter(({ protocol }) => protocol === "tcp"),
      config.port,
    );
  },
  start: () => {
    udp.start();
    tcp.start();
  },
  stop: () => {
    udp.stop();
    tcp.stop();
  },
  report: () => ({ sent: [...udp.report(), ...tcp.report()], received: receiver.report() }),
});
