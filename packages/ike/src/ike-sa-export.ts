/** An IKE SA as a value and back (DESIGN §3): for replication to the partner and adoption of a seat. */
import { secretBytes } from "@tandem/crypto";
import type { ChildSa } from "./child-sa.ts";
import type { IkeConnection } from "./config.ts";
import type { ExportedChildSa, ExportedIkeSa, IkeKeys } from "./exported-ike-sa.ts";
import { IkeSa } from "./ike-sa.ts";
import type { IkeSaHost } from "./ike-sa-host.ts";
import { deadlines } from "./lifetimes.ts";
import { SkChannel } from "./sk-channel.ts";

export function exportIkeSa(sa: IkeSa): ExportedIkeSa | undefined {
  const { channel, window, path } = sa;
  if (channel === undefined || sa.establishedAt === undefined || sa.state === "closed") return undefined;
  const age = sa.now - sa.establishedAt;
  return {
    version: 1,
    ikeSa: sa.id,
    tunnel: sa.tunnel,
    ...(sa.template === undefined ? {} : { template: sa.template }),
    initiator: sa.initiator,
    initiatorSpi: sa.initiatorSpi,
    responderSpi: sa.responderSpi,
    suite: channel.suite,
    keys: channel.keys,
    ...path,
    nat: { local: sa.nat.local, remote: sa.nat.remote },
    peerSupports: {
      fragmentation: sa.peerSupports.fragmentation,
      messageIdSync: sa.peerSupports.messageIdSync,
      signatureHashes: sa.peerSupports.signatureHashes,
    },
    localId: sa.localIdentity,
    remoteId: sa.remoteIdentity,
    ...(sa.virtualAddresses === undefined ? {} : { virtualAddresses: sa.virtualAddresses }),
    ...(sa.state === "replaced" || sa.redundant ? { replaced: true } : {}),
    age,
    nextSend: window.nextSend,
    nextReceive: window.nextReceive,
    ...(window.outstanding === undefined ? {} : { outstanding: copy(window.outstanding) }),
    ...(window.lastResponse === undefined ? {} : { lastResponse: copy(window.lastResponse) }),
    ivReservedUpTo: channel.ivReservedUpTo,
    children: [...sa.children].filter((c) => c.state !== "deleting").map((c) => exportChild(sa, c)),
  };
}

const copy = (e: { readonly messageId: number; readonly datagrams: readonly Uint8Array[] }) => ({
  messageId: e.messageId,
  datagrams: e.datagrams,
});

function exportChild(sa: IkeSa, child: ChildSa): ExportedChildSa {
  return {
    ...child.install,
    policy: child.policy,
    initiator: child.initiator,
    age: sa.now - child.installedAt,
    group: child.group,
    outboundReady: child.outboundReady,
    ...(child.state === "replaced" && child.successor !== undefined ? { successor: child.successor } : {}),
  };
}

/**
 * Makes the IKE SA again. The clock is this process's: ages are subtracted from now. IVs start above every reserved block.
 * A request that was under way is repeated byte for byte, with an answer of whose meaning only the message ID is used.
 */
export function importIkeSa(host: IkeSaHost, value: ExportedIkeSa, connection: IkeConnection): IkeSa {
  const { local, localPort, remote, remotePort } = value;
  const sa = new IkeSa(host, {
    id: value.ikeSa,
    tunnel: value.tunnel,
    template: value.template,
    connection,
    initiator: value.initiator,
    initiatorSpi: value.initiatorSpi,
    responderSpi: value.responderSpi,
    path: { local, localPort, remote, remotePort },
    now: host.now,
  });
  sa.channel = new SkChannel(
    value.suite,
    secretKeys(value.keys),
    value.initiator,
    host.random,
    value.ivReservedUpTo,
  );
  sa.nat = { supported: true, ...value.nat };
  sa.peerSupports = { ...value.peerSupports, childless: false };
  sa.localIdentity = value.localId;
  sa.remoteIdentity = value.remoteId;
  sa.virtualAddresses = value.virtualAddresses;
  sa.window.nextSend = value.nextSend;
  sa.window.nextReceive = value.nextReceive;
  sa.window.lastResponse = value.lastResponse;
  sa.establish();
  sa.establishedAt = host.now - value.age;
  sa.deadlines = spread(connection.ikeLifetime, value.age, value.initiator, host);
  for (const child of value.children) sa.children.keep(importChild(host, child, connection));
  return sa;
}

function importChild(host: IkeSaHost, value: ExportedChildSa, connection: IkeConnection): ChildSa {
  const { policy, initiator, age, group, outboundReady, successor, ...install } = value;
  return {
    install,
    policy,
    initiator,
    group,
    installedAt: host.now - age,
    ...spread(connection.childLifetime, age, initiator, host),
    state: successor === undefined ? "installed" : "replaced",
    outboundReady,
    successor,
    peerRekey: undefined,
  };
}

/** Deadlines of something that is `age` old; one that is overdue is due within a second, not all in the same instant. */
function spread(life: number, age: number, initiator: boolean, host: IkeSaHost) {
  const { rekeyAt, expiresAt } = deadlines(life, initiator, host.random, host.now - age);
  const soon = host.now + host.random.below(1000);
  return { rekeyAt: Math.max(rekeyAt, soon), expiresAt: Math.max(expiresAt, soon + 1000) };
}

function secretKeys(keys: IkeKeys): IkeKeys {
  const { d, ai, ar, ei, er, pi, pr } = keys;
  return {
    d: secretBytes(d),
    ai: secretBytes(ai),
    ar: secretBytes(ar),
    ei: secretBytes(ei),
    er: secretBytes(er),
    pi: secretBytes(pi),
    pr: secretBytes(pr),
  };
}
