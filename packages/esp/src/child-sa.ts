/** A Child SA as the data plane holds it: two simplex SAs, their parameters, and the live state that failover moves. */
import type { Arena, PacketCipherBackend } from "./aead-seam.ts";
import { InboundSa } from "./inbound-sa.ts";
import { OutboundSa } from "./outbound-sa.ts";
import { SA_BYTES, SA_IN, SA_OUT, SA_PACKETS } from "./sa-counters.ts";
import type { ChildSaLiveState, ChildSaParameters, SequenceBlock, TunnelEndpoints } from "./sa-parameters.ts";
import { SelectorSet, selectorsKey } from "./spd.ts";

export class ChildSa {
  readonly id: string;
  readonly parameters: ChildSaParameters;
  readonly inbound: InboundSa;
  readonly outbound: OutboundSa;
  /** What may be sent: sources of our side to destinations of the remote one. */
  readonly local: SelectorSet;
  readonly remote: SelectorSet;
  readonly selectorsKey: string;
  /** Changed by `move-endpoint`. */
  endpoints: TunnelEndpoints;

  /**
   * Makes both ciphers. `counters` at `slot` has room for SA_SLOT_LENGTH doubles and is zeroed here.
   * With `live`, the replay window and counters go on where the partner's stood; `sequence` must lie above its reservations.
   * Throws a RangeError when parameters contradict themselves (a programmer's error: IKE has checked them).
   */
  constructor(
    parameters: ChildSaParameters,
    sequence: SequenceBlock,
    live: ChildSaLiveState | undefined,
    backend: PacketCipherBackend,
    arena: Arena,
    counters: Float64Array,
    slot: number,
  ) {
    if (live !== undefined && sequence.first < live.reservedUpTo) {
      throw new RangeError(
        `sequence block starts at ${sequence.first}, below the partner's ${live.reservedUpTo}`,
      );
    }
    this.id = parameters.id;
    this.parameters = parameters;
    this.endpoints = parameters.endpoints;
    this.local = new SelectorSet(parameters.localSelectors);
    this.remote = new SelectorSet(parameters.remoteSelectors);
    this.selectorsKey = selectorsKey(parameters.localSelectors, parameters.remoteSelectors);
    const { suite, esn } = parameters;
    this.inbound = new InboundSa(
      parameters,
      backend.create("open", suite, esn, parameters.inbound, arena),
      arena,
      counters,
      slot + SA_IN,
    );
    this.outbound = new OutboundSa(
      parameters,
      sequence,
      backend.create("seal", suite, esn, parameters.outbound, arena),
      arena,
      counters,
      slot + SA_OUT,
    );
    counters[slot + SA_IN + SA_PACKETS] = live?.packetsIn ?? 0;
    counters[slot + SA_IN + SA_BYTES] = live?.bytesIn ?? 0;
    counters[slot + SA_OUT + SA_PACKETS] = live?.packetsOut ?? 0;
    counters[slot + SA_OUT + SA_BYTES] = live?.bytesOut ?? 0;
    if (live !== undefined) this.inbound.replay.adopt(live.replay);
  }

  export(): ChildSaLiveState {
    const { inbound, outbound } = this;
    return {
      id: this.id,
      reservedUpTo: outbound.sequence.reservedUpTo,
      replay: inbound.replay.export(),
      bytesIn: inbound.counters[inbound.slot + SA_BYTES]!,
      bytesOut: outbound.counters[outbound.slot + SA_BYTES]!,
      packetsIn: inbound.counters[inbound.slot + SA_PACKETS]!,
      packetsOut: outbound.counters[outbound.slot + SA_PACKETS]!,
    };
  }

  destroy(): void {
    this.inbound.destroy();
    this.outbound.destroy();
  }
}
