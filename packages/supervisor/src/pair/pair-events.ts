/**
 * The pair engine's inputs and effects: the whole of failover in one screen. All are plain values, so a run can be
 * recorded and played again.
 */

export interface HeldSeat {
  readonly name: string;
  readonly epoch: number;
}

export type PairCommand =
  /** `target`: an instance, or a seat (then its owner). */
  | {
      readonly verb: "failover";
      readonly planned: boolean;
      readonly target?: string | undefined;
      readonly force?: boolean | undefined;
    }
  /** Gateway reset (azure-vpn-gateway §1.5): the active instance; active-active: the primary, or the one with `vip`. */
  | { readonly verb: "reset"; readonly vip?: string | undefined }
  | { readonly verb: "drain"; readonly target: string; readonly off: boolean }
  /** Start an instance that is down, and from now on again by itself. */
  | { readonly verb: "restore"; readonly instance: string }
  /** Do not start this instance again by itself. */
  | { readonly verb: "stay-down"; readonly instance: string };

export type PairInput =
  /** What the fabric says; it is the authority for owners and epochs. */
  | {
      readonly kind: "fabric";
      readonly seats: readonly {
        readonly name: string;
        readonly owner: string | null;
        readonly epoch: number;
      }[];
    }
  | { readonly kind: "fabric-lost" }
  | { readonly kind: "fabric-changed"; readonly seat: string; readonly epoch: number }
  /** An instance answers. `seats` is what it holds. A new `pid` is a new process. */
  | {
      readonly kind: "instance-up";
      readonly instance: string;
      readonly pid: number;
      readonly seats: readonly HeldSeat[];
    }
  /** The verdict of health: it can serve no seat now. `exit`: its process is gone. */
  | {
      readonly kind: "instance-down";
      readonly instance: string;
      readonly cause: "exit" | "silent" | "path";
      readonly message: string;
    }
  | {
      readonly kind: "seat-taken" | "seat-dropped";
      readonly instance: string;
      readonly seat: string;
      readonly epoch: number;
    }
  | {
      readonly kind: "seat-failed";
      readonly instance: string;
      readonly seat: string;
      readonly epoch: number;
      readonly reason: string;
    }
  /** A draining seat receives nothing any more. */
  | { readonly kind: "seat-quiet"; readonly seat: string }
  /** The seat's tunnels stand at its owner. */
  | { readonly kind: "seat-ready"; readonly seat: string }
  /** Epochs from the state file of an earlier run. */
  | { readonly kind: "remembered"; readonly seats: readonly HeldSeat[] }
  | { readonly kind: "command"; readonly id: number; readonly command: PairCommand };

export type PairEffect =
  | {
      readonly kind: "set-owner";
      readonly seat: string;
      readonly owner: string | null;
      readonly epoch: number;
      readonly drained: boolean;
      /** The living instance that it leaves, and that hands it over in order. */
      readonly from?: string;
    }
  | { readonly kind: "fabric-drain"; readonly seat: string; readonly off: boolean }
  | {
      readonly kind: "seat-take";
      readonly instance: string;
      readonly seat: string;
      readonly epoch: number;
      readonly mode: "fresh" | "adopt";
      /** Nothing of the seat is sent or received before the fabric has changed. */
      readonly hold: boolean;
    }
  | {
      readonly kind: "seat-drop";
      readonly instance: string;
      readonly seat: string;
      readonly epoch: number;
      readonly farewell: boolean;
    }
  | { readonly kind: "seat-drain"; readonly instance: string; readonly seat: string; readonly off: boolean }
  /** SIGKILL, clean stop, start. */
  | { readonly kind: "kill" | "stop" | "start"; readonly instance: string }
  /** To be written down before the effects that follow are carried out. */
  | { readonly kind: "remember"; readonly seat: string; readonly epoch: number }
  | {
      readonly kind: "event";
      readonly event: string;
      readonly message: string;
      readonly seat?: string | undefined;
      readonly instance?: string | undefined;
      readonly simulated?: boolean | undefined;
      readonly operationName?: string | undefined;
    }
  | { readonly kind: "result"; readonly id: number; readonly ok: boolean; readonly message: string };
