export type { Arena, PacketCipher, PacketCipherBackend } from "./aead-seam.ts";
export type {
  ChildSaLiveState,
  ChildSaParameters,
  EspKeys,
  SequenceBlock,
  TrafficSelector,
  TunnelEndpoints,
} from "./sa-parameters.ts";
