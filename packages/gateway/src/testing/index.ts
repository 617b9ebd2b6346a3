/** Twins of the gateway's seams, for tests of other packages and of this one. */
export { FakeDataPlane } from "./fake-data-plane.ts";
export { instanceConfig, pskConnection } from "./sample-config.ts";
export { type SeatEnd, SeatPair } from "./seat-pair.ts";
export { VirtualClock } from "./virtual-clock.ts";
