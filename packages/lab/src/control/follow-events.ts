/** Follows the journals of processes that come and go. */
import type { TandemEvent } from "@tandem/contract";
import { ControlClient } from "./control-client.ts";
import type { LabProcess } from "./lab-processes.ts";

const RETRY_MILLISECONDS = 200;

/** Calls `listener` for every event from now on, until the answer is called. A process that is back is followed again. */
export function followEvents(
  processes: readonly LabProcess[],
  listener: (event: TandemEvent) => void,
): () => void {
  let ended = false;
  const open = new Set<ControlClient>();
  const follow = async ({ controlSocket }: LabProcess): Promise<void> => {
    let lastSeen = Date.now();
    const take = (event: TandemEvent): void => {
      lastSeen = Math.max(lastSeen, event.at);
      listener(event);
    };
    while (!ended) {
      try {
        const client = await ControlClient.open(controlSocket);
        open.add(client);
        await client.subscribe(take, { since: lastSeen });
        await client.closed;
        open.delete(client);
      } catch {
        // It does not run at the moment.
      }
      if (!ended) await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  };
  for (const one of processes) void follow(one);
  return () => {
    ended = true;
    for (const client of open) client.close();
  };
}
