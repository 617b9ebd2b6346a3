/**
 * Finds a host that drops what its containers route: bridge netfilter hands the packets of a Docker network to the host's
 * firewall, which knows Docker's own addresses and none of the lab's. The far end of a link is there (its Docker address
 * answers, and the lab's address is resolved by ARP, which no IP rule sees), and yet the lab's address does not answer.
 *
 * Part of the health check: it imports nothing but Node.
 */
import { execFile } from "node:child_process";

/** Both ends of a link, as this container sees them; IPv4. */
export interface CheckedLink {
  readonly interface: string;
  readonly own: string;
  readonly peer: string;
  readonly peerDocker: string;
}

export type Runner = (
  argv: readonly string[],
) => Promise<{ readonly status: number; readonly stdout: string }>;

export const runProgram: Runner = ([file = "", ...args]) =>
  new Promise((resolve) => {
    execFile(file, args, (error, stdout) => resolve({ status: error === null ? 0 : 1, stdout }));
  });

/** The first link on which the host drops the lab's packets, in words with the cure. */
export async function droppedLink(
  links: readonly CheckedLink[],
  run: Runner = runProgram,
): Promise<string | undefined> {
  const found = await Promise.all(links.map((link) => isDropped(link, run)));
  const link = links.find((_, i) => found[i]);
  if (link === undefined) return undefined;
  return (
    `${link.peer} is there on ${link.interface} (Docker's ${link.peerDocker} answers), but packets from ${link.own} to it are dropped: ` +
    "the Docker host filters what its bridges carry; cure, on the host: sysctl -w net.bridge.bridge-nf-call-iptables=0, " +
    "or let its firewall forward between the lab's addresses (iptables -I DOCKER-USER -j ACCEPT)"
  );
}

async function isDropped(link: CheckedLink, run: Runner): Promise<boolean> {
  const pings = async (from: string, to: string, count: number): Promise<boolean> =>
    (await run(["ping", "-q", "-c", String(count), "-i", "0.2", "-W", "1", "-I", from, to])).stdout.match(
      / [1-9]\d* received/,
    ) !== null;
  if (await pings(link.own, link.peer, 1)) return false;
  if (!(await pings(link.interface, link.peerDocker, 1))) return false; // it is not there, or not yet
  const { stdout } = await run(["ip", "neighbour", "show", link.peer, "dev", link.interface]);
  if (!/lladdr/.test(stdout)) return false; // it has not taken its addresses yet
  return !(await pings(link.own, link.peer, 3));
}
