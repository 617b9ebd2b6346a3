/** The procedure of each task. */
import type { IkeSa } from "../ike-sa.ts";
import { createChildSa, rekeyChildSa } from "./create-child-sa.ts";
import { deleteChildSa, deleteIkeSa } from "./delete.ts";
import { initiateIkeAuth } from "./ike-auth.ts";
import { initiateIkeSaInit, makeChannel } from "./ike-sa-init.ts";
import { checkLiveness, reportInvalidSpi } from "./liveness.ts";
import { synchroniseMessageIds } from "./message-id-sync.ts";
import { rekeyIkeSa } from "./rekey-ike-sa.ts";
import type { Response } from "./respond.ts";
import { DONE, type Outcome, type Procedure, type Task } from "./task.ts";

export function runTask(sa: IkeSa, task: Task): Procedure<Outcome> {
  switch (task.kind) {
    case "initiate":
      return initiate(sa);
    case "message-id-sync":
      return synchroniseMessageIds(sa);
    case "delete-ike":
      return deleteIkeSa(sa, task.cause, task.reason);
    case "delete-child":
      return deleteChildSa(sa, task.spiIn, task.cause, task.reason);
    case "rekey-child":
      return rekeyChildSa(sa, task);
    case "rekey-ike":
      return rekeyIkeSa(sa);
    case "create-child":
      return createChildSa(sa, task);
    case "invalid-spi":
      return reportInvalidSpi(task.spi);
    case "liveness":
      return checkLiveness();
  }
}

function* initiate(sa: IkeSa): Procedure<Outcome> {
  const init = yield* initiateIkeSaInit(sa);
  return init.ok ? yield* initiateIkeAuth(sa) : init;
}

/** The responder's keys, without a message to answer. A peer with an impossible key exchange value is dropped. */
export function* keysOnly(sa: IkeSa): Procedure<Response | undefined> {
  const made = yield* makeChannel(sa);
  if (!made.ok) sa.forget(made.cause, made.reason);
  return undefined;
}

/** For a request that another process began: waits for the answer and makes nothing of it. */
export function* awaitOnly(): Procedure<Outcome> {
  yield { kind: "exchange", exchangeType: 0, payloads: [] };
  return DONE;
}
