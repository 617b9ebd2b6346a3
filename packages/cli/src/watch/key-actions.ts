/** What the keys of the live screen do: something is broken or mended, and the screen says in one line what it cost. */
import type { LabPlan, TandemEvent } from "@tandem/contract";
import {
  followEvents,
  Incident,
  labProcesses,
  mendNode,
  type ProbeSession,
  reasonOf,
  type StateFolder,
  signalNode,
  summarise,
  supervisorOf,
  writeReport,
} from "@tandem/lab";

const ARROW_RIGHT = "\u001b[C";
const ARROW_LEFT = "\u001b[D";
const MINIMUM_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 60_000;

interface Action {
  readonly word: string;
  /** Does it; resolves when it is done. */
  readonly act: (node: string) => Promise<void>;
}

export class KeyActions {
  readonly targets: readonly string[];
  selected = 0;
  notice = "";
  /** What was measured so far, one line and the path of its page each. */
  readonly measured: string[] = [];
  /** Called when there is something new to show. */
  onChange: (() => void) | undefined;
  readonly #folder: StateFolder;
  readonly #plan: LabPlan;
  readonly #probes: ProbeSession;
  readonly #rate: number;
  #busy = false;

  constructor(folder: StateFolder, plan: LabPlan, probes: ProbeSession, rate: number) {
    this.#folder = folder;
    this.#plan = plan;
    this.#probes = probes;
    this.#rate = rate;
    this.targets = plan.nodes
      .filter(({ kind }) => kind === "instance" || kind === "device")
      .map(({ name }) => name);
  }

  async press(key: string): Promise<void> {
    if (key === "\t" || key === ARROW_RIGHT) this.#select(1);
    else if (key === ARROW_LEFT) this.#select(-1);
    const action = this.#actions()[key];
    if (action === undefined) return;
    if (this.#busy) {
      await this.#duringMeasurement(key, action);
      return;
    }
    this.#busy = true;
    try {
      await this.#measure(action, this.targets[this.selected] ?? "");
    } catch (error) {
      this.#say(reasonOf(error));
    } finally {
      this.#busy = false;
    }
  }

  /** What mends may be done at once: the traffic that the measurement waits for may need it. */
  async #duringMeasurement(key: string, { word, act }: Action): Promise<void> {
    const node = this.targets[this.selected] ?? "";
    if (key !== "r") {
      const waiting = " (r restores; another event when this one is measured)";
      if (!this.notice.endsWith(waiting)) this.#say(`${this.notice}${waiting}`);
      return;
    }
    this.#say(`${this.notice.split(":")[0]}, ${word} ${node}: measuring until every flow is back ...`);
    try {
      await act(node);
    } catch (error) {
      this.#say(reasonOf(error));
    }
  }

  #actions(): Readonly<Record<string, Action>> {
    const send = (what: NodeJS.Signals) => async (node: string) => void signalNode(this.#folder, node, what);
    return {
      k: { word: "SIGKILL", act: send("SIGKILL") },
      p: { word: "SIGSTOP", act: send("SIGSTOP") },
      d: {
        word: "drain",
        act: async (node) =>
          void (await supervisorOf(this.#folder).call("drain", { target: node, off: false })),
      },
      r: { word: "restore", act: async (node) => void (await mendNode(this.#folder, node)) },
    };
  }

  async #measure({ word, act }: Action, node: string): Promise<void> {
    this.#say(`${word} ${node}: measuring until every flow is back ...`);
    const incident = await Incident.begin(this.#folder, this.#probes, this.#rate);
    const unfollow = followEvents(labProcesses(this.#folder), (event: TandemEvent) => incident.note(event));
    try {
      await act(node);
      const report = await incident.settle(
        this.#plan.topology,
        { what: `${word} ${node}`, node },
        MINIMUM_MILLISECONDS,
        LONGEST_MILLISECONDS,
      );
      const text = `${summarise(report)}\ntimeline: ${writeReport(report).html}`;
      this.measured.push(text);
      this.#say(text);
    } finally {
      unfollow();
    }
  }

  #select(step: number): void {
    this.selected = (this.selected + step + this.targets.length) % Math.max(1, this.targets.length);
    this.onChange?.();
  }

  #say(text: string): void {
    this.notice = text;
    this.onChange?.();
  }
}
