/**
 * Two namespaces for `bench ike`; addresses are from 198.18.0.0/15 (RFC 2544, benchmarks).
 *
 *      load 198.18.0.16 … .23 ── out0 │ responder 198.18.0.2 │ in0 10.255.0.1
 */
import { runCommand, tryCommand } from "../process/run-command.ts";

export const RESPONDER = "198.18.0.2";
export const INSIDE = { network: "10.255.0.0/16", address: "10.255.0.1" } as const;
/** Several, because a responder limits what one address may leave half done. */
export const LOAD_ADDRESSES: readonly string[] = Array.from({ length: 8 }, (_, i) => `198.18.0.${16 + i}`);

export class IkeNetwork {
  readonly #load = `tandem-bench-${process.pid}-load`;
  readonly #responder = `tandem-bench-${process.pid}-resp`;

  async up(): Promise<void> {
    for (const netns of [this.#load, this.#responder]) {
      await runCommand(["ip", "netns", "add", netns]);
      await this.#ip(netns, "link set lo up");
    }
    await this.#ip(this.#load, `link add out0 type veth peer name out0 netns ${this.#responder}`);
    // The inside leads nowhere: what counts are negotiations.
    await this.#ip(this.#responder, "link add in0 type veth peer name in1");
    await this.#ip(this.#responder, `address add ${RESPONDER}/24 dev out0`);
    await this.#ip(this.#responder, `address add ${INSIDE.address}/16 dev in0`);
    for (const address of LOAD_ADDRESSES) await this.#ip(this.#load, `address add ${address}/24 dev out0`);
    await this.#ip(this.#load, "link set out0 up");
    for (const device of ["out0", "in0", "in1"]) await this.#ip(this.#responder, `link set ${device} up`);
  }

  load(argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#load, ...argv];
  }

  responder(argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#responder, ...argv];
  }

  async down(): Promise<void> {
    for (const netns of [this.#load, this.#responder]) await tryCommand(["ip", "netns", "del", netns]);
  }

  async #ip(netns: string, command: string): Promise<void> {
    await runCommand(["ip", "-n", netns, ...command.split(" ")]);
  }
}
