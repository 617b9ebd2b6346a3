/**
 * `docker compose up` for real: a daemon of our own, an image built from a base made here, the default lab in containers,
 * and what a user does with it: traffic both ways, kill an instance, start it again, kill the supervisor, take it down.
 */
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { LabStatus } from "@tandem/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OutsideDevice } from "../outside-device.ts";
import { BASE_IMAGE, makeBaseImage } from "./base-image.ts";
import { DockerDaemon } from "./docker-daemon.ts";

const SITE_HOST = "10.51.0.4";
const VNET_HOST = "10.11.0.4";
/** Public IPs: device1's, gw/1's and gw/0's. */
const DEVICE_IP = "198.51.100.10";
const OWN_IP = "203.0.113.11";
const OTHER_IP = "203.0.113.10";
let daemon: DockerDaemon;

beforeAll(async () => {
  daemon = await DockerDaemon.start();
  makeBaseImage(daemon);
  const build = [
    "build",
    "--network",
    "host",
    "--file",
    "docker/Dockerfile",
    "--build-arg",
    `BASE_IMAGE=${BASE_IMAGE}`,
  ];
  for (const [target, tag] of [
    ["tandem", "tandem"],
    ["strongswan", "tandem-strongswan"],
  ] as const) {
    daemon.must(daemon.docker([...build, "--target", target, "--tag", tag, "."], { timeoutSeconds: 240 }));
  }
}, 600_000);

afterAll(async () => {
  if (daemon === undefined) return;
  daemon.compose(["down", "--volumes", "--timeout", "2"]);
  await daemon.stop();
}, 120_000);

/** Asked of Docker, because docker-compose takes most of a second to say it. */
const container = (service: string): string =>
  daemon
    .must(
      daemon.docker(["ps", "--all", "--quiet", "--filter", `label=com.docker.compose.service=${service}`]),
    )
    .trim();

const inside = (service: string, argv: readonly string[], timeoutSeconds = 60) =>
  daemon.docker(["exec", container(service), ...argv], { timeoutSeconds });

function labStatus(): LabStatus {
  return JSON.parse(inside("supervisor", ["tandem", "status", "--json"]).stdout) as LabStatus;
}

async function until(what: string, seconds: number, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > deadline) {
      const logs = daemon.compose(["logs", "--no-color", "--tail", "15"]).stdout;
      throw new Error(`${what}: not within ${seconds} s\n${logs}`);
    }
    await delay(250);
  }
}

const health = (service: string): string =>
  daemon.docker(["inspect", "--format", "{{.State.Health.Status}}", container(service)]).stdout.trim();

/**
 * Waits for the line of its log that says it serves, and prints how many seconds after its last start that was. Nothing else is
 * asked meanwhile: each question to status is a Node of its own, and takes the processor from the one that starts.
 */
async function untilItServes(service: string, line: RegExp): Promise<void> {
  const id = container(service);
  const started = daemon.must(daemon.docker(["inspect", "--format", "{{.State.StartedAt}}", id])).trim();
  let said: string | undefined;
  await until(`${service} to say ${line}`, 20, () => {
    const { stdout, stderr } = daemon.docker(["logs", "--timestamps", "--since", started, id]);
    said = `${stdout}${stderr}`.split("\n").find((one) => line.test(one));
    return said !== undefined;
  });
  const seconds = (Date.parse(said?.split(" ")[0] ?? "") - Date.parse(started)) / 1000;
  process.stdout.write(`containers: ${service} serves ${seconds.toFixed(2)} s after its start\n`);
  expect(seconds).toBeLessThan(5); // the aim is one, on a machine with nothing else to do
}

/** Sends `count` pings 20 ms apart while `during` runs; returns how many were lost. */
async function lostPings(count: number, during: () => Promise<void>): Promise<number> {
  const ping = spawn(
    "docker",
    ["exec", container("vnet1-host"), "ping", "-q", "-i", "0.02", "-c", String(count), "-W", "1", SITE_HOST],
    { env: { ...process.env, DOCKER_HOST: `unix://${daemon.folder}/docker.sock` } },
  );
  let text = "";
  ping.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => ping.once("close", () => resolve()));
  await during();
  await ended;
  const match = /(\d+) packets transmitted, (\d+) received/.exec(text);
  if (match === null) throw new Error(`ping said: ${text}`);
  return Number(match[1]) - Number(match[2]);
}

/** For three seconds. */
const pathWorks = (): boolean =>
  / 0% packet loss/.test(
    inside("vnet1-host", ["ping", "-q", "-i", "0.05", "-c", "60", "-W", "1", SITE_HOST]).stdout,
  );

const megabits = (text: string): number =>
  (JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received
    .bits_per_second / 1e6;

it("comes up healthy in every role, with four tunnels and four sessions", async () => {
  daemon.must(daemon.compose(["up", "--detach", "--no-build"], { timeoutSeconds: 180 }));
  const services = daemon
    .must(daemon.compose(["config", "--services"]))
    .trim()
    .split("\n")
    .filter((s) => s !== "bench");
  await until("every service healthy", 90, () => services.every((s) => health(s) === "healthy"));
  // Nothing is wrong with this Docker host, and nobody says that there is.
  expect(daemon.compose(["logs", "--no-color"]).stdout).not.toContain("the Docker host filters");
  const status = labStatus();
  expect(status.ready, status.reasons.join("; ")).toBe(true);
  expect(status.tunnels.filter((t) => t.ike === "ESTABLISHED" && t.children.length > 0)).toHaveLength(4);
  expect(status.bgpPeers.filter((p) => p.state === "Established").length).toBeGreaterThanOrEqual(4);
}, 240_000);

it("is seen alike from the devices' side: SPIs mirrored, two tunnels each", () => {
  expect(daemon.must(daemon.compose(["exec", "-T", "supervisor", "tandem", "status"]))).toMatch(
    /^dual-redundancy: ready/m,
  );
  const gateway = labStatus().tunnels.flatMap((t) => t.children.map((c) => `${c.spiIn}/${c.spiOut}`));
  for (const device of ["device1", "device2"]) {
    const sas = JSON.parse(
      daemon.must(inside(device, ["tandem", "sas", "--node", device, "--json"])),
    ) as LabStatus["tunnels"];
    expect(sas).toHaveLength(2);
    for (const child of sas.flatMap((t) => t.children))
      expect(gateway).toContain(`${child.spiOut}/${child.spiIn}`);
  }
});

it("carries iperf3 both ways", () => {
  for (const [from, to] of [
    ["vnet1-host", SITE_HOST],
    ["onprem-host", VNET_HOST],
  ] as const) {
    const rate = megabits(daemon.must(inside(from, ["iperf3", "-c", to, "-t", "3", "-P", "4", "-J"])));
    process.stdout.write(`containers: ${from} to ${to}: ${Math.round(rate)} Mbit/s\n`);
    // That much goes on any machine; what it can do is bench's to say.
    expect(rate).toBeGreaterThan(20);
  }
}, 60_000);

it("says when the Docker host drops what its bridges carry, and stops saying so", async () => {
  const filter = `table bridge tandemtest {
    chain f {
      type filter hook forward priority 0;
      ip saddr ${SITE_HOST} drop;
    }
  }`;
  daemon.must(daemon.run("nft", ["-f", "-"], { input: filter }));
  try {
    const said = inside("onprem-host", ["tandem", "container-health"]);
    expect(said.status).toBe(1);
    expect(said.stdout).toMatch(
      /packets from 10\.51\.0\.4 to it are dropped: the Docker host filters.*; cure, on the host: /,
    );
    expect(daemon.compose(["logs", "--no-color", "onprem-host"]).stdout).toContain(said.stdout.trim());
  } finally {
    daemon.must(daemon.run("nft", ["delete", "table", "bridge", "tandemtest"]));
  }
  await until("healthy again", 20, () => inside("onprem-host", ["tandem", "container-health"]).status === 0);
}, 60_000);

it("survives docker kill of an instance during traffic, says so, and takes it back", async () => {
  const lost = await lostPings(300, async () => {
    await delay(1000);
    daemon.must(daemon.docker(["kill", container("gw-in-0")]));
  });
  process.stdout.write(`containers: ${lost} of 300 pings lost at docker kill of gw-in-0 (20 ms apart)\n`);
  await until("status to tell", 10, () =>
    labStatus().instances.some((i) => i.name === "gw/IN_0" && i.state === "down"),
  );
  // The answers come back by the tunnel that the device chose; if that was the dead one, its own DPD (45 s) has the word.
  const began = performance.now();
  await until(
    "traffic to be back",
    90,
    () => inside("vnet1-host", ["ping", "-c", "1", "-W", "1", SITE_HOST]).status === 0,
  );
  process.stdout.write(`containers: back ${Math.round((performance.now() - began) / 1000)} s after that\n`);
  daemon.must(daemon.compose(["start", "gw-in-0"]));
  await untilItServes("gw-in-0", /"started"/);
  await until("the instance to come back", 60, () => labStatus().ready);
}, 240_000);

it("loses nothing when the supervisor is killed, and finds it again", async () => {
  // The instance that came back last is still being found by the device's routes: only a path that works can be kept.
  await until("ready, and three seconds of pings answered", 60, () => labStatus().ready && pathWorks());
  try {
    const lost = await lostPings(150, async () => {
      await delay(500);
      daemon.must(daemon.docker(["kill", container("supervisor")]));
    });
    expect(lost, daemon.compose(["logs", "--no-color", "--tail", "20"]).stdout).toBe(0);
  } finally {
    daemon.must(daemon.compose(["start", "supervisor"]));
  }
  await untilItServes("supervisor", /ready, API on/);
  await until("the supervisor to be healthy", 60, () => health("supervisor") === "healthy");
}, 240_000);

it("drops a public IP claimed from the other instance's port, although rp_filter cannot be set", () => {
  const forger = (...words: string[]) => daemon.must(inside("gw-in-1", ["ip", ...words]));
  /** Field 9 of the counters that /proc/net/snmp names Icmp: InEchos. */
  const echoes = (): number => {
    const lines = daemon.must(inside("device1", ["cat", "/proc/net/snmp"])).split("\n");
    return Number(lines.filter((line) => line.startsWith("Icmp: "))[1]?.split(" ")[9]);
  };
  const ping = (from: string) =>
    inside("gw-in-1", ["ping", "-q", "-I", from, "-c", "40", "-i", "0.02", "-W", "1", DEVICE_IP]);
  forger("address", "add", `${OTHER_IP}/32`, "dev", "lo");
  try {
    forger("rule", "add", "priority", "109", "from", OTHER_IP, "iif", "lo", "lookup", "main");
    const before = echoes();
    expect(ping(OTHER_IP).stdout).toMatch(/40 packets transmitted, 0 received/);
    // Its neighbours' health checks ask the device too, in a container's first minute: a few at most.
    expect(echoes() - before).toBeLessThan(20);
    expect(ping(OWN_IP).stdout).toMatch(/40 packets transmitted, 40 received/);
    expect(echoes() - before).toBeGreaterThanOrEqual(40);
  } finally {
    forger("address", "del", `${OTHER_IP}/32`, "dev", "lo");
    inside("gw-in-1", ["ip", "rule", "del", "priority", "109"]);
  }
});

it("sees, measures and reports docker pause of an instance, from the host", async () => {
  const watch = spawn(
    "docker",
    ["exec", container("supervisor"), "tandem", "bench", "failover", "watch", "--udp", "4"],
    { env: { ...process.env, DOCKER_HOST: `unix://${daemon.folder}/docker.sock` } },
  );
  let said = "";
  for (const stream of [watch.stdout, watch.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
    });
  }
  await until("the watch to begin", 60, () => said.includes("docker pause something now"));
  daemon.must(daemon.docker(["pause", container("gw-in-1")]));
  try {
    await until("status to tell", 15, () =>
      labStatus().instances.some((i) => i.name === "gw/IN_1" && i.state === "down"),
    );
  } finally {
    daemon.must(daemon.docker(["unpause", container("gw-in-1")]));
  }
  await until("the watch to end", 150, () => watch.exitCode !== null).catch((error: Error) => {
    watch.kill();
    throw new Error(`${error.message}; it said: ${said}`);
  });
  expect(watch.exitCode, said).toBe(0);
  process.stdout.write(`containers: ${said.trim()}\n`);
  expect(said).toMatch(/instance\.down gw\/IN_1: \d+ flows moved, .* packets lost, worst outage \d+ ms/);
  await until("all to be as before", 60, () => labStatus().ready);
}, 240_000);

it("sees docker kill of a device, names it, and is ready again when it is back", async () => {
  daemon.must(daemon.docker(["kill", container("device2")]));
  await until("status to name it", 15, () => {
    const { ready, reasons } = labStatus();
    return !ready && reasons.some((reason) => reason.includes("device2"));
  });
  daemon.must(daemon.compose(["start", "device2"]));
  await until("ready again", 90, () => labStatus().ready);
}, 180_000);

it("measures throughput, spread and the outage of an instance ended half-way: the bench profile", () => {
  const bench = daemon.compose(["run", "--rm", "-T", "bench", "container-bench", "2"], {
    timeoutSeconds: 240,
  });
  process.stdout.write(`containers: ${bench.stdout.trim()}\n`);
  expect(daemon.must(bench)).toMatch(/1 flow: [1-9]\d* Mbit\/s; by tunnel: to-device1 gw\/0 \d+ %/);
  expect(bench.stdout).toMatch(/unplanned failover of gw\/IN_0: .* packets lost/);
  expect(bench.stdout).toMatch(/iperf3 meanwhile, 8 flows: [1-9]\d* Mbit\/s; second by second/);
}, 300_000);

it("comes back as it was after down and up, and down leaves nothing", async () => {
  daemon.must(daemon.compose(["down", "--timeout", "3"], { timeoutSeconds: 120 }));
  daemon.must(daemon.compose(["up", "--detach", "--no-build"], { timeoutSeconds: 120 }));
  await until("ready again", 90, () => container("supervisor") !== "" && health("supervisor") === "healthy");
  daemon.must(daemon.compose(["down", "--volumes", "--timeout", "3"], { timeoutSeconds: 120 }));
  expect(daemon.docker(["ps", "-aq"]).stdout.trim()).toBe("");
  expect(daemon.docker(["volume", "ls", "-q"]).stdout.trim()).toBe("");
  expect(daemon.docker(["network", "ls", "--format", "{{.Name}}"]).stdout).not.toMatch(/tandemtest/);
}, 300_000);

it("has strongSwan behind BIRD and behind FRR as devices, configured from the same plan", async () => {
  const file = ["--file", "docker/dual-redundancy-strongswan.yml"];
  try {
    daemon.must(daemon.compose([...file, "up", "--detach", "--no-build"], { timeoutSeconds: 120 }));
    const exec = (service: string, ...argv: string[]) =>
      daemon.compose([...file, "exec", "-T", service, ...argv]);
    await until("the tunnels and the sessions", 120, () => {
      const status = exec("supervisor", "tandem", "status", "--json");
      return status.stdout.startsWith("{") && (JSON.parse(status.stdout) as LabStatus).ready;
    });
    daemon.must(exec("vnet1-host", "ping", "-c", "3", "-i", "0.2", "-W", "2", SITE_HOST));
    const environment = [
      "env",
      "STRONGSWAN_CONF=/tmp/device/strongswan.conf",
      "SWANCTL_DIR=/tmp/device/swanctl",
    ];
    for (const tunnel of ["device1-t0", "device1-t1", "device2-t0", "device2-t1"]) {
      expect(daemon.must(exec(tunnel, ...environment, "swanctl", "--list-sas"))).toMatch(/INSTALLED, TUNNEL/);
    }
    const bird = daemon.must(exec("device1", "birdc", "-s", "/tmp/device/bird.ctl", "show", "protocols"));
    expect(bird.match(/BGP.*Established/g)).toHaveLength(2);
    const frr = ["vtysh", "--vty_socket", "/tmp/device", "-c", "show bgp neighbors"];
    expect(daemon.must(exec("device2", ...frr)).match(/BGP state = Established/g)).toHaveLength(2);
  } finally {
    daemon.compose([...file, "down", "--volumes", "--timeout", "2"], { timeoutSeconds: 120 });
  }
}, 300_000);

it("runs the gateway for a real device in one container, on the host's network and on a macvlan, and keeps its key", async () => {
  const device = new OutsideDevice("gc");
  const netns = device.addNamespace("device");
  const env = {
    COMPOSE_PROJECT_NAME: "tandemgateway",
    TANDEM_OUTSIDE: device.addCable("a", netns, "eth0"),
    TANDEM_OUTSIDE_SUBNET: "192.0.2.0/24",
    TANDEM_OUTSIDE_ADDRESS: "192.0.2.9",
    TANDEM_GATEWAY: "--public-ip 192.0.2.10 --device office=192.0.2.99,asn=65050,bgp=10.52.0.1",
  };
  device.ip(netns, "address add 192.0.2.99/24 dev eth0", "address add 10.52.0.1/32 dev lo");
  const compose = (file: string, ...words: string[]) =>
    daemon.compose(["--file", file, ...words], { env, timeoutSeconds: 60 });
  const files = ["docker/gateway.yml", "docker/gateway-macvlan.yml"];
  const inGateway = (file: string, ...words: string[]) =>
    compose(file, "exec", "-T", "gateway", "tandem", ...words);
  try {
    let started = false;
    for (const file of files) {
      daemon.must(compose(file, "up", "--detach", "--no-build"));
      const id = compose(file, "ps", "-q", "gateway").stdout.trim();
      const words = (): string => compose(file, "logs", "--no-color").stdout;
      const healthOf = (): string =>
        daemon.docker(["inspect", "--format", "{{.State.Health.Status}}", id]).stdout.trim();
      await device.until(`${file}: healthy\n${words()}`, 40, () => healthOf() === "healthy");
      if (!started) {
        const print = (...format: string[]): string =>
          daemon.must(inGateway(file, "device-config", "office", "--name", "gateway", "--format", ...format));
        await device.start({
          swanctl: print("swanctl"),
          bird: print("bird", "--tunnel-interface", "ipsec0"),
        });
        started = true;
      }
      await device.until(`${file}: site to VNet`, 60, () => device.pings("10.11.0.4", "10.52.0.1"));
      // Events are lines of JSON. The site host is the BGP address here: it answers before the session stands.
      const established = /"event":"bgp\.state".*Established/;
      await device.until(`${file}: BGP session`, 30, () => established.test(words()));
      // The end is said to the peer.
      daemon.must(compose(file, "stop"));
      expect(words()).toContain("ending: peers are told");
      expect(daemon.docker(["inspect", "--format", "{{.State.ExitCode}}", id]).stdout.trim()).toBe("0");
      daemon.must(compose(file, "down"));
    }
    daemon.must(compose("docker/gateway.yml", "down", "--volumes"));
  } finally {
    for (const file of files) compose(file, "down", "--volumes"); // nothing is in the way of a second attempt
    await device.stop();
  }
}, 240_000);
