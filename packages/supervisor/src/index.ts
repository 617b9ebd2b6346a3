/** The pair: seat ownership, failover, the fabric's agent. Processes: fabric-main.ts, site-router-main.ts, main.ts. */
export { type Claim, type SeatOwner, SeatTable } from "./fabric/seat-table.ts";
export { DualSpread, Spread, type SpreadMember } from "./fabric/spread.ts";
