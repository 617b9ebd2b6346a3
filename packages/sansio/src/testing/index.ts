/** Test tools: engines on a simulated network in virtual time. Not for production code. */
export { type ExploreOptions, exploreDeliveries, type Scenario } from "./explore-deliveries.ts";
export { type LinkModel, type Passage, PERFECT_LINK, passLink } from "./link-model.ts";
export {
  type Flight,
  type NodeBehaviour,
  type Path,
  type Performed,
  SimulatedNode,
  Simulation,
  type SimulationOptions,
  type TraceEntry,
} from "./simulation.ts";
export { SimulatedTcp, type TcpEvent, type TcpSegment } from "./tcp-network.ts";
export {
  type LocalDatagram,
  Nat,
  receivedAs,
  sentBy,
  type UdpDatagram,
  udpDatagramSize,
  udpPath,
} from "./udp-network.ts";
