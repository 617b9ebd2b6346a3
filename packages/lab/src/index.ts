/** Labs: topologies in network namespaces, their processes, peers and probes. */

export { nodeFileName } from "@tandem/contract";
export { type BringUpOptions, type BringUpResult, bringUp, isLabRunning, lastWords } from "./bring-up.ts";
export { writeHealthNote } from "./container/health-note.ts";
export { ControlClient, callControl } from "./control/control-client.ts";
export { followEvents } from "./control/follow-events.ts";
export { type Answer, askAll, type LabProcess, labProcess, labProcesses } from "./control/lab-processes.ts";
export { supervisorOf } from "./control/supervisor.ts";
export { birdConf } from "./device-config/bird.ts";
export { frrConf } from "./device-config/frr.ts";
export { swanctlConf } from "./device-config/swanctl.ts";
export { Incident, type IncidentReport, summarise } from "./drill/incident.ts";
export {
  DRILL_EVENTS,
  type DrillEvent,
  defaultTarget,
  type EventOptions,
  runEvent,
} from "./drill/run-event.ts";
export { type WrittenReport, writeReport } from "./drill/write-report.ts";
export { execInNode } from "./exec-in-node.ts";
export { type FollowedFile, followFiles } from "./follow-files.ts";
export { inspectLab, writeInspect } from "./inspect.ts";
export { LabError, reasonOf } from "./lab-error.ts";
export { findLab, type LabRecord, listLabs, readLabRecord, readPlan, readProcesses } from "./lab-record.ts";
export {
  defaultLabName,
  type LabSource,
  listTopologies,
  locateLabFile,
  readLabSource,
  type SourceOptions,
} from "./lab-source.ts";
export { listBenches } from "./list-benches.ts";
export { type AppliedChange, applySource } from "./live/apply-source.ts";
export {
  addConnection,
  type ConnectionChange,
  changeConnection,
  removeConnection,
} from "./live/resource-edit.ts";
export { cutLinks, healLinks, LINK_ROLES } from "./netns/cut-link.ts";
export { realmKind } from "./netns/privileges.ts";
export { Realm } from "./netns/realm.ts";
export { namespaceOf } from "./plan/network-of-plan.ts";
export { monotonicMicroseconds } from "./probe/datagram.ts";
export { type Outage, outageOf, percentile } from "./probe/outage.ts";
export { type FlowState, type ProbeOptions, ProbeSession } from "./probe/probe-session.ts";
export { findProcessesByConfig } from "./process/find-process.ts";
export { type Mended, mendNode } from "./process/mend-node.ts";
export { processesOfNode, type Signalled, signalNode } from "./process/process-control.ts";
export { identify, isAlive, isStopped, type ProcessIdentity, signal } from "./process/process-identity.ts";
export { type Restored, restoreNode } from "./process/restore-node.ts";
export { runCommand, tryCommand } from "./process/run-command.ts";
export { terminate } from "./process/terminate.ts";
export { REPOSITORY } from "./repository.ts";
export { checkLabName, listStateFolders, type StateFolder, stateFolder, stateRoot } from "./state-folder.ts";
export { askProcess, isUp, labStatus, type ProcessAnswer } from "./status/lab-status.ts";
export { waitUntilReady } from "./status/readiness.ts";
export { livingProcesses, type TearDownResult, tearDown } from "./tear-down.ts";
export { junitXml } from "./validate/junit.ts";
export { type CheckResult, runChecks } from "./validate/run-checks.ts";
