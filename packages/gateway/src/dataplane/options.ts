/** What a data plane is started with; travels to the worker as structured data. */
import { DEFAULT_MSS } from "@tandem/esp";
import type { CipherBackendName } from "./cipher-backend.ts";

export interface PlaneSettings {
  /** MTU of the outside links, bytes of whole IP packets. */
  readonly outerMtu: number;
  /**
   * Whether ESP packets over IPv4 are sent with DF (RFC 4301 §8.1): routers then tell when one does not fit, instead of
   * cutting it. Over IPv6 they always tell.
   */
  readonly outerDontFragment: boolean;
  /** Upper bound of the MSS in TCP SYNs that pass, bytes; 0 turns the clamp off. */
  readonly mssClamp: number;
  /** Whether packets without DF that do not fit are fragmented before encryption (else they are refused like those with DF). */
  readonly fragment: boolean;
  /** Whether UDP segmentation offload is used on the outside. */
  readonly outerOffload: boolean;
  /** Whether segments of one flow are joined on the way to the inside. */
  readonly join: boolean;
  /** Source addresses of ICMP errors; without one of the packet's family no error is sent. */
  readonly routerAddresses: readonly string[];
}

export const DEFAULT_SETTINGS: PlaneSettings = {
  outerMtu: 1500,
  outerDontFragment: false,
  mssClamp: DEFAULT_MSS,
  fragment: true,
  outerOffload: true,
  join: true,
  routerAddresses: [],
};

export interface DataPlaneOptions {
  /** Name of the TUN device, created if it does not stand. */
  readonly tun: string;
  /** Whether the TUN hands over super-packets. Default true. */
  readonly tunOffload?: boolean;
  readonly settings?: Partial<PlaneSettings>;
  /** Default: what the environment variable TANDEM_ESP_BACKEND says, else the fastest that can be had: "ipsec-mb" or "evp". */
  readonly backend?: CipherBackendName;
}
