/** One gateway instance or device. The process is src/main.ts; this is what its tests and neighbours may use. */

export { type ConfigProblem, type ReadConfig, readInstanceConfig } from "./config/instance-plan.ts";
export type { Command, DataPlaneEvent, FibEntry } from "./dataplane/commands.ts";
export type { ChildSaCounters, DataPlaneCommand, DataPlanePort } from "./dataplane-port.ts";
export { Instance } from "./instance.ts";
export type { InstanceParts } from "./instance-parts.ts";
