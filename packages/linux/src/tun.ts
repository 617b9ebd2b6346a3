/**
 * A TUN device that hands over super-packets (Linux Documentation/networking/tuntap, uapi/linux/if_tun.h, virtio_net.h).
 *
 * Every read and write carries a virtio_net_hdr in front of the IP packet:
 *
 *      0 flags  1 gso_type  2 hdr_len u16  4 gso_size u16  6 csum_start u16  8 csum_offset u16  [10 num_buffers u16]
 *
 * little-endian; see virtio-net-header.ts.
 */
import type { Arena } from "./arena.ts";
import { Errno } from "./errno.ts";
import {
  close,
  errno,
  ioctlNumber,
  ioctlPointer,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  open,
  read,
  write,
  writev,
} from "./libc.ts";
import { LinuxError } from "./linux-error.ts";

const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUNSETVNETLE = 0x400454dc;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/** What the kernel agreed to hand over unfinished: checksums left open, TCP and UDP super-packets. */
export interface TunOffloads {
  readonly checksum: boolean;
  readonly tcp: boolean;
  readonly tcpEcn: boolean;
  readonly udp: boolean;
}

export interface TunOptions {
  /** Up to 15 characters, or a pattern like "tun%d". */
  readonly name: string;
  /** One of several queues of the device; each open adds one. */
  readonly multiQueue?: boolean;
  /** false reads and writes one packet per call, as plain TUN readers do. Default true. */
  readonly offload?: boolean;
  /** 10 bytes (default) or 12 (with num_buffers, unused). */
  readonly headerLength?: 10 | 12;
}

/** The seam: what the packet loop needs of a TUN. `testing/` has a twin without a kernel. */
export interface TunDevice {
  readonly name: string;
  /** For poll. */
  readonly fd: number;
  readonly headerLength: number;
  readonly offloads: TunOffloads;
  /**
   * Reads one virtio header and packet into the arena at `offset`. Returns the length with the header, or a negative errno:
   * -EAGAIN when nothing waits. A packet longer than `length` is cut without notice: give 65535 + headerLength.
   */
  read(offset: number, length: number): number;
  /** Writes header and packet from the arena. Returns the length or a negative errno: -EINVAL for a header the kernel refuses. */
  write(offset: number, length: number): number;
  /** The same from `count` iovecs at the arena offset `iovec`: a super-packet whose parts lie apart. */
  writeVector(iovec: number, count: number): number;
  close(): void;
}

/**
 * Creates the device, or attaches to one that stands (`ip tuntap add`). One that is created here goes with its last
 * descriptor, so with the process; one that was made persistent stays.
 */
export function openTun(arena: Arena, options: TunOptions): TunDevice {
  const what = `TUN device ${options.name}`;
  if (options.name.length === 0 || Buffer.byteLength(options.name) > 15) {
    throw new RangeError(`an interface name has 1 to 15 bytes: "${options.name}"`);
  }
  const fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw openFailure(what, errno());
  const fail = (call: string, code: number, cure?: string): never => {
    close(fd);
    throw new LinuxError(call, code, what, cure);
  };

  const ifreq = Buffer.alloc(40);
  ifreq.write(options.name, 0, 15, "latin1");
  ifreq.writeUInt16LE(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (options.multiQueue ? IFF_MULTI_QUEUE : 0), 16);
  if (ioctlPointer(fd, TUNSETIFF, ifreq) < 0) {
    const code = errno();
    fail("TUNSETIFF", code, attachCures[code]);
  }
  const name = ifreq.toString("latin1", 0, ifreq.indexOf(0));

  const headerLength = options.headerLength ?? 10;
  if (ioctlPointer(fd, TUNSETVNETHDRSZ, int32(headerLength)) < 0) fail("TUNSETVNETHDRSZ", errno());
  if (ioctlPointer(fd, TUNSETVNETLE, int32(1)) < 0) fail("TUNSETVNETLE", errno());
  const offloads = negotiateOffloads(fd, options.offload ?? true);

  return {
    name,
    fd,
    headerLength,
    offloads,
    read(offset, length) {
      const n = read(fd, arena.base + offset, length);
      return n < 0 ? -errno() : n;
    },
    write(offset, length) {
      const n = write(fd, arena.base + offset, length);
      return n < 0 ? -errno() : n;
    },
    writeVector(iovec, count) {
      const n = writev(fd, arena.base + iovec, count);
      return n < 0 ? -errno() : n;
    },
    close() {
      close(fd);
    },
  };
}

/** Asks for the most first: USO needs Linux 6.2, TSO_ECN is refused by some builds. */
function negotiateOffloads(fd: number, wanted: boolean): TunOffloads {
  const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  const udp = TUN_F_USO4 | TUN_F_USO6;
  const attempts = wanted
    ? [tcp | TUN_F_TSO_ECN | udp, tcp | udp, tcp | TUN_F_TSO_ECN, tcp, TUN_F_CSUM, 0]
    : [0];
  for (const flags of attempts) {
    if (ioctlNumber(fd, TUNSETOFFLOAD, flags) < 0) continue;
    return {
      checksum: (flags & TUN_F_CSUM) !== 0,
      tcp: (flags & TUN_F_TSO4) !== 0,
      tcpEcn: (flags & TUN_F_TSO_ECN) !== 0,
      udp: (flags & TUN_F_USO4) !== 0,
    };
  }
  return { checksum: false, tcp: false, tcpEcn: false, udp: false };
}

function openFailure(what: string, code: number): LinuxError {
  const cure =
    code === Errno.ENOENT || code === Errno.ENODEV || code === Errno.ENXIO
      ? "there is no /dev/net/tun: load the module (modprobe tun), or give the container --device /dev/net/tun"
      : undefined;
  return new LinuxError("open /dev/net/tun", code, what, cure);
}

const attachCures: Readonly<Record<number, string>> = {
  [Errno.EBUSY]: "another process holds this device: stop it, choose another name, or set multiQueue in both",
  [Errno.EINVAL]: "an interface of this name exists and is no TUN of the same kind: choose another name",
};

function int32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32LE(value);
  return out;
}
