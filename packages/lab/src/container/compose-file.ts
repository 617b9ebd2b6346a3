// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has its own ${...}, which must reach the file as it is.
/**
 * A plan as a Compose file. The files at the root and under docker/ are made by this and committed; a test holds them current.
 * Only what both Compose v2 and Debian's docker-compose 1.29 understand is used.
 */
import type { LabPlan } from "@tandem/contract";
import { BASE_SYSCTLS } from "../netns/base-sysctls.ts";
import { DEFAULT_SUBNET, endsOf, linkSubnet, networkName, serviceName } from "./container-network.ts";
import { containerLinks, tunnelParts } from "./device-parts.ts";
import { type DeviceRouter, needsOf, type RoleNeeds, TUNNEL_NEEDS } from "./role-needs.ts";

export interface ComposeOptions {
  /** Path from the Compose file to the repository's root. */
  readonly context: string;
  readonly deviceKind?: "strongswan";
  /** What routes in front of a third-party device's tunnels: BIRD where it is not said. */
  readonly routers?: Readonly<Record<string, DeviceRouter>>;
}

export function composeFile(plan: LabPlan, { context, deviceKind, routers = {} }: ComposeOptions): string {
  const lines = [
    `# The lab "${plan.topology}" in containers, one network per link, no privileged container.`,
    "# Made from lab/ by `node packages/lab/src/container/compose-main.ts`; edit the lab file, not this one.",
    "#",
    "#     docker compose up --wait                            until traffic flows",
    "#     docker compose exec supervisor tandem status",
    `#     docker compose kill ${serviceName(firstInstance(plan))}                        a failover`,
    "#     docker compose --profile bench up                   throughput and outage, measured",
    "",
    "x-sysctls: &sysctls",
    ...Object.entries(sysctlsOf(plan)).map(([name, value]) => `  ${name}: "${value}"`),
    "",
    "x-tandem: &tandem",
    "  image: ${TANDEM_IMAGE:-tandem}",
    "  build:",
    `    context: ${context}`,
    "    dockerfile: docker/Dockerfile",
    "    target: tandem",
    "    args:",
    "      BASE_IMAGE: ${BASE_IMAGE:-node:24-bookworm-slim}",
    "  environment: &environment",
    `    TANDEM_TOPOLOGY: ${plan.topology}`,
    "    TANDEM_PROFILE: ${TANDEM_PROFILE:-fast}",
    "    TANDEM_ENCAPSULATION: ${TANDEM_ENCAPSULATION:-auto}",
    ...(deviceKind === undefined ? [] : [`    TANDEM_DEVICE: ${deviceKind}`]),
    `    TANDEM_SUBNET: "\${TANDEM_SUBNET:-${DEFAULT_SUBNET}}"`,
    "  cap_drop: [ALL]",
    "  read_only: true",
    "  security_opt: [no-new-privileges]",
    "  tmpfs: [/tmp, /run, /var/tmp]",
    "  volumes: [state:/run/tandem]",
    "  restart: on-failure",
    "  stop_grace_period: 5s",
    "",
    "services:",
    ...plan.nodes.flatMap((node) =>
      service(plan, {
        name: node.name,
        needs: needsOf(node, routers[node.name] ?? "bird"),
        router: routers[node.name],
        image: node.kind === "device" && node.software === "strongswan" ? strongswanImage(context) : [],
        publishes: node.kind === "supervisor",
      }),
    ),
    ...tunnelParts(plan).flatMap(({ name }) =>
      service(plan, {
        name,
        needs: TUNNEL_NEEDS,
        router: undefined,
        image: strongswanImage(context),
        publishes: false,
      }),
    ),
    ...benchService(plan),
    "networks:",
    ...containerLinks(plan).flatMap((link, index) => [
      `  ${networkName(link)}:`,
      `    # ${link.role}: ${link.a.node} - ${link.b.node}`,
      "    driver: bridge",
      "    driver_opts:",
      '      com.docker.network.bridge.enable_ip_masquerade: "false"',
      "    ipam:",
      "      config:",
      `        - subnet: ${linkSubnet(index, `\${TANDEM_SUBNET:-${DEFAULT_SUBNET}}`)}`,
    ]),
    "",
    "volumes:",
    "  state: {}",
    "",
  ];
  return lines.join("\n");
}

const firstInstance = (plan: LabPlan): string =>
  plan.nodes.find(({ kind }) => kind === "instance")?.name ?? "gw/IN_0";

/** One set for all: the union of what the nodes ask for (they agree where they overlap). */
const sysctlsOf = (plan: LabPlan): Record<string, string> =>
  Object.assign({}, BASE_SYSCTLS, ...plan.nodes.map(({ sysctls }) => sysctls));

interface Service {
  readonly name: string;
  readonly needs: RoleNeeds;
  readonly router: DeviceRouter | undefined;
  /** Lines for an image that is not the common one. */
  readonly image: readonly string[];
  /** The supervisor's API, on the host's loopback. */
  readonly publishes: boolean;
}

function service(plan: LabPlan, node: Service): string[] {
  const { needs } = node;
  return [
    `  ${serviceName(node.name)}:`,
    "    <<: *tandem",
    ...node.image,
    ...(node.router === undefined
      ? []
      : ["    environment:", "      <<: *environment", `      TANDEM_ROUTER: ${node.router}`]),
    `    hostname: ${serviceName(node.name)}`,
    `    command: [container, ${node.name}]`,
    "    cap_add:",
    ...Object.entries(needs.capabilities).map(([name, reason]) => `      - ${name} # ${reason}`),
    ...(needs.tun ? ["    devices: [/dev/net/tun]"] : []),
    "    sysctls: *sysctls",
    "    networks:",
    ...endsOf(plan, node.name, `\${TANDEM_SUBNET:-${DEFAULT_SUBNET}}`).flatMap(({ link, dockerAddress }) => [
      `      ${networkName(link)}:`,
      `        ipv4_address: ${dockerAddress}`,
    ]),
    "    healthcheck:",
    "      test: [CMD, tandem, container-health]",
    "      interval: 5s",
    "      timeout: 5s",
    "      retries: 30",
    ...(node.publishes ? ['    ports: ["127.0.0.1:${TANDEM_PORT:-4650}:4650"]'] : []),
    "",
  ];
}

/** The image's second target: the first one and strongSwan and BIRD from Debian. */
const strongswanImage = (context: string): string[] => [
  "    image: ${TANDEM_STRONGSWAN_IMAGE:-tandem-strongswan}",
  "    build:",
  `      context: ${context}`,
  "      dockerfile: docker/Dockerfile",
  "      target: strongswan",
  "      args:",
  "        BASE_IMAGE: ${BASE_IMAGE:-node:24-bookworm-slim}",
];

/** `--profile bench`: waits for the lab, then has the hosts' agents measure. It needs the volume and nothing else. */
function benchService(plan: LabPlan): string[] {
  if (plan.probes.every(({ destination }) => destination === undefined)) return [];
  return [
    "  bench:",
    "    <<: *tandem",
    "    profiles: [bench]",
    "    command: [container-bench]",
    "    network_mode: none",
    '    restart: "no"',
    "    depends_on: [supervisor]",
    "",
  ];
}
