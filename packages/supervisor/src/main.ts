/** `node packages/supervisor/src/main.ts --config FILE`, in the supervisor's namespace. */
import { readFileSync } from "node:fs";
import { SupervisorConfig } from "@tandem/contract";
import { HttpApi } from "./api/http-api.ts";
import { ControlServer } from "./control/control-server.ts";
import { supervisorMethods } from "./methods.ts";
import { configArgument, log, onSignal, raisePriority } from "./process-main.ts";
import { Supervisor } from "./supervisor.ts";

raisePriority();
const config = SupervisorConfig.parse(JSON.parse(readFileSync(configArgument(), "utf8")));
const supervisor = new Supervisor(config);
supervisor.journal.follow((event) => {
  if (event.node !== "supervisor") return;
  setImmediate(() => log("supervisor", `${event.event}: ${event.message}`));
});
const methods = supervisorMethods(supervisor);
const control = new ControlServer(methods);
await control.listen(config.controlSocket);
const api = new HttpApi(supervisor, methods);
const port = await api.listen();
log("supervisor", `ready, API on http://${config.api.host}:${port} and ${config.api.socket}`);

onSignal(async () => {
  supervisor.close();
  await Promise.all([control.close(), api.close()]);
});
