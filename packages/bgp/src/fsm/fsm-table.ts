/**
 * Reading list: RFC 4271 §8.1 (events), §8.2.2 (states); RFC 6608 (FSM error subcodes); RFC 4486.
 *
 *             ┌──────── start ───────┐          ┌── TCP up: OPEN ──┐           ┌─ OPEN ok: KEEPALIVE ─┐
 *          [Idle]                 [Connect] ────┤               [OpenSent] ────┤                [OpenConfirm]
 *             ▲                       │ ▲       │                  │           │                      │ KEEPALIVE
 *             │                  fails│ │retry  │                  │           │                      ▼
 *             │                       ▼ │       │                  │           │               [Established]
 *             │                    [Active] ────┘                  │           │                      │
 *             └───────── any error, NOTIFICATION, stop ────────────┴───────────┴──────────────────────┘
 *
 * The whole machine is this table: what an event does in a state, as a list of actions and the next state. A cell
 * that is missing does nothing. Departures from the text of §8.2.2:
 *   - Connect, TcpConnectionFails: goes to Active whether DelayOpenTimer runs or not, so that the speaker can be
 *     reached between its own dials (a speaker in Idle refuses connections);
 *   - OpenSent, NotifMsg: the text answers it with a NOTIFICATION; §6.4 forbids answers to NOTIFICATIONs and wins;
 *   - Established, BGPHeaderErr: the text calls it an FSM error; §6.1 asks for Message Header Error and wins.
 */
import type { PeerState } from "../events.ts";
import { FsmError } from "../iana.ts";

/** §8.1, by number. */
export const FsmEvent = {
  ManualStart: 1,
  ManualStop: 2,
  AutomaticStart: 3,
  ManualStartPassive: 4,
  AutomaticStartPassive: 5,
  AutomaticStartDamped: 6,
  AutomaticStartDampedPassive: 7,
  AutomaticStop: 8,
  ConnectRetryTimerExpires: 9,
  HoldTimerExpires: 10,
  KeepaliveTimerExpires: 11,
  DelayOpenTimerExpires: 12,
  IdleHoldTimerExpires: 13,
  TcpConnectionValid: 14,
  TcpConnectionInvalid: 15,
  TcpConnectionAcknowledged: 16,
  TcpConnectionConfirmed: 17,
  TcpConnectionFails: 18,
  OpenReceived: 19,
  OpenReceivedWhileDelaying: 20,
  HeaderError: 21,
  OpenError: 22,
  OpenCollisionDump: 23,
  NotificationVersionError: 24,
  NotificationReceived: 25,
  KeepaliveReceived: 26,
  UpdateReceived: 27,
  UpdateError: 28,
} as const;
export type FsmEvent = (typeof FsmEvent)[keyof typeof FsmEvent];

export type FsmAction =
  | "start-connect-retry"
  | "stop-connect-retry"
  | "zero-connect-retry-counter"
  | "count-connect-retry"
  | "dial"
  | "drop-connection"
  | "send-open"
  | "send-keepalive"
  | "start-open-hold"
  | "start-session-timers"
  | "start-keepalive"
  | "restart-hold"
  | "start-delay-open"
  | "stop-delay-open"
  /** NOTIFICATION with the error that came with the event. */
  | "send-error"
  | "send-hold-expired"
  | "send-cease"
  | "send-collision"
  | "send-fsm-error"
  | "session-up"
  /** Routes of the session go, unless graceful restart keeps them. */
  | "session-down"
  | "process-update"
  /** DampPeerOscillations: stay in Idle for a while, longer each time. */
  | "damp";

export interface FsmCell {
  readonly next: PeerState;
  readonly actions: readonly FsmAction[];
}

type Row = Partial<Readonly<Record<number, FsmCell>>>;

const E = FsmEvent;
const cell = (next: PeerState, ...actions: FsmAction[]): FsmCell => ({ next, actions });

const START_ACTIVE: FsmCell = cell("Connect", "zero-connect-retry-counter", "start-connect-retry", "dial");
const START_PASSIVE: FsmCell = cell("Active", "zero-connect-retry-counter", "start-connect-retry");
/** IdleHoldTimer's restarts keep the counter: it is what lengthens the next wait. */
const RESTART_ACTIVE: FsmCell = cell("Connect", "start-connect-retry", "dial");
const RESTART_PASSIVE: FsmCell = cell("Active", "start-connect-retry");

const STOPPED: FsmCell = cell(
  "Idle",
  "drop-connection",
  "stop-delay-open",
  "zero-connect-retry-counter",
  "stop-connect-retry",
);
const FAILED: FsmCell = cell(
  "Idle",
  "stop-connect-retry",
  "stop-delay-open",
  "drop-connection",
  "count-connect-retry",
  "damp",
);
/** NotifMsgVerErr does not count as an oscillation. */
const VERSION_REFUSED: FsmCell = cell(
  "Idle",
  "stop-connect-retry",
  "stop-delay-open",
  "drop-connection",
  "damp",
);
const TCP_UP: FsmCell = cell("OpenSent", "stop-connect-retry", "send-open", "start-open-hold");
const DELAYED_OPEN: FsmCell = cell(
  "OpenConfirm",
  "stop-connect-retry",
  "stop-delay-open",
  "send-open",
  "send-keepalive",
  "start-session-timers",
);
const ANSWERED: FsmCell = withFirst("send-error", FAILED);

function withFirst(action: FsmAction, to: FsmCell): FsmCell {
  return { next: to.next, actions: [action, ...to.actions] };
}

const fill = (events: readonly FsmEvent[], to: FsmCell): Row =>
  Object.fromEntries(events.map((event) => [event, to]));

const IDLE: Row = {
  [E.ManualStart]: START_ACTIVE,
  [E.AutomaticStart]: START_ACTIVE,
  [E.ManualStartPassive]: START_PASSIVE,
  [E.AutomaticStartPassive]: START_PASSIVE,
  [E.AutomaticStartDamped]: RESTART_ACTIVE,
  [E.AutomaticStartDampedPassive]: RESTART_PASSIVE,
};

/** What Connect and Active share. */
const UNCONNECTED: Row = {
  ...fill(
    [
      E.AutomaticStop,
      E.HoldTimerExpires,
      E.KeepaliveTimerExpires,
      E.IdleHoldTimerExpires,
      E.OpenReceived,
      E.OpenCollisionDump,
      E.NotificationReceived,
      E.KeepaliveReceived,
      E.UpdateReceived,
      E.UpdateError,
    ],
    FAILED,
  ),
  [E.ManualStop]: STOPPED,
  [E.DelayOpenTimerExpires]: cell(
    "OpenSent",
    "stop-connect-retry",
    "stop-delay-open",
    "send-open",
    "start-open-hold",
  ),
  [E.TcpConnectionAcknowledged]: TCP_UP,
  [E.TcpConnectionConfirmed]: TCP_UP,
  [E.OpenReceivedWhileDelaying]: DELAYED_OPEN,
  [E.HeaderError]: ANSWERED,
  [E.OpenError]: ANSWERED,
  [E.NotificationVersionError]: VERSION_REFUSED,
};

const CONNECT: Row = {
  ...UNCONNECTED,
  [E.ConnectRetryTimerExpires]: cell(
    "Connect",
    "drop-connection",
    "start-connect-retry",
    "stop-delay-open",
    "dial",
  ),
  [E.TcpConnectionFails]: cell("Active", "drop-connection", "start-connect-retry", "stop-delay-open"),
};

const ACTIVE: Row = {
  ...UNCONNECTED,
  [E.ConnectRetryTimerExpires]: cell("Connect", "start-connect-retry", "dial"),
  [E.TcpConnectionFails]: withFirst("start-connect-retry", FAILED),
};

const OPEN_SENT: Row = {
  ...fill(
    [
      E.ConnectRetryTimerExpires,
      E.KeepaliveTimerExpires,
      E.DelayOpenTimerExpires,
      E.IdleHoldTimerExpires,
      E.OpenReceivedWhileDelaying,
      E.KeepaliveReceived,
      E.UpdateReceived,
      E.UpdateError,
    ],
    withFirst("send-fsm-error", FAILED),
  ),
  [E.ManualStop]: withFirst("send-cease", STOPPED),
  [E.AutomaticStop]: withFirst("send-cease", FAILED),
  [E.HoldTimerExpires]: withFirst("send-hold-expired", FAILED),
  [E.TcpConnectionFails]: cell("Active", "drop-connection", "start-connect-retry"),
  [E.OpenReceived]: cell(
    "OpenConfirm",
    "stop-delay-open",
    "stop-connect-retry",
    "send-keepalive",
    "start-session-timers",
  ),
  [E.HeaderError]: ANSWERED,
  [E.OpenError]: ANSWERED,
  [E.OpenCollisionDump]: withFirst("send-collision", FAILED),
  [E.NotificationVersionError]: VERSION_REFUSED,
  [E.NotificationReceived]: FAILED,
};

const OPEN_CONFIRM: Row = {
  ...fill(
    [
      E.ConnectRetryTimerExpires,
      E.DelayOpenTimerExpires,
      E.IdleHoldTimerExpires,
      E.OpenReceived,
      E.OpenReceivedWhileDelaying,
      E.UpdateReceived,
      E.UpdateError,
    ],
    withFirst("send-fsm-error", FAILED),
  ),
  [E.ManualStop]: withFirst("send-cease", STOPPED),
  [E.AutomaticStop]: withFirst("send-cease", FAILED),
  [E.HoldTimerExpires]: withFirst("send-hold-expired", FAILED),
  [E.KeepaliveTimerExpires]: cell("OpenConfirm", "send-keepalive", "start-keepalive"),
  [E.TcpConnectionFails]: FAILED,
  [E.HeaderError]: ANSWERED,
  [E.OpenError]: ANSWERED,
  [E.OpenCollisionDump]: withFirst("send-collision", FAILED),
  [E.NotificationVersionError]: VERSION_REFUSED,
  [E.NotificationReceived]: FAILED,
  [E.KeepaliveReceived]: cell("Established", "restart-hold", "session-up"),
};

const ENDED: FsmCell = withFirst("session-down", FAILED);

const ESTABLISHED: Row = {
  ...fill(
    [
      E.ConnectRetryTimerExpires,
      E.DelayOpenTimerExpires,
      E.IdleHoldTimerExpires,
      E.OpenReceived,
      E.OpenReceivedWhileDelaying,
      E.OpenError,
    ],
    withFirst("send-fsm-error", ENDED),
  ),
  [E.ManualStop]: withFirst("send-cease", withFirst("session-down", STOPPED)),
  [E.AutomaticStop]: withFirst("send-cease", ENDED),
  [E.HoldTimerExpires]: withFirst("send-hold-expired", ENDED),
  [E.KeepaliveTimerExpires]: cell("Established", "send-keepalive", "start-keepalive"),
  [E.TcpConnectionFails]: ENDED,
  [E.HeaderError]: withFirst("send-error", ENDED),
  [E.OpenCollisionDump]: withFirst("send-collision", ENDED),
  [E.NotificationVersionError]: ENDED,
  [E.NotificationReceived]: ENDED,
  [E.KeepaliveReceived]: cell("Established", "restart-hold"),
  [E.UpdateReceived]: cell("Established", "restart-hold", "process-update"),
  [E.UpdateError]: withFirst("send-error", ENDED),
};

export const FSM_TABLE: Readonly<Record<PeerState, Row>> = {
  Idle: IDLE,
  Connect: CONNECT,
  Active: ACTIVE,
  OpenSent: OPEN_SENT,
  OpenConfirm: OPEN_CONFIRM,
  Established: ESTABLISHED,
};

const EVENT_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(FsmEvent).map(([name, number]) => [number, name]),
);
export const fsmEventName = (event: FsmEvent): string => EVENT_NAMES.get(event) ?? String(event);

/** RFC 6608 §4: the state in which a message came that has no business there. */
export const FSM_ERROR_SUBCODE: Readonly<Record<PeerState, number>> = {
  Idle: FsmError.UNSPECIFIED,
  Connect: FsmError.UNSPECIFIED,
  Active: FsmError.UNSPECIFIED,
  OpenSent: FsmError.IN_OPEN_SENT,
  OpenConfirm: FsmError.IN_OPEN_CONFIRM,
  Established: FsmError.IN_ESTABLISHED,
};

/** TcpConnectionAcknowledged or Confirmed while DelayOpen is configured: the OPEN waits, the state stays. */
export const DELAY_ACTIONS: readonly FsmAction[] = ["stop-connect-retry", "start-delay-open"];
