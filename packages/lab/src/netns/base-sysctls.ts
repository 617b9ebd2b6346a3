/**
 * What every node of a lab gets before its first interface. Every node may forward (the routes decide), none filters by
 * reverse path (a tunnel's return path differs), none waits for duplicate address detection or listens to router
 * advertisements. Redirects would make a kernel step around a gateway.
 */
export const BASE_SYSCTLS: Readonly<Record<string, string>> = {
  "net.ipv4.ip_forward": "1",
  "net.ipv4.conf.all.rp_filter": "0",
  "net.ipv4.conf.default.rp_filter": "0",
  "net.ipv4.conf.all.send_redirects": "0",
  "net.ipv4.conf.default.send_redirects": "0",
  "net.ipv4.conf.all.accept_redirects": "0",
  "net.ipv4.fib_multipath_hash_policy": "1",
  "net.ipv4.ping_group_range": "0 0",
  "net.ipv6.conf.all.disable_ipv6": "0",
  "net.ipv6.conf.default.disable_ipv6": "0",
  "net.ipv6.conf.all.forwarding": "1",
  "net.ipv6.conf.default.forwarding": "1",
  "net.ipv6.conf.all.accept_ra": "0",
  "net.ipv6.conf.default.accept_ra": "0",
  "net.ipv6.conf.all.accept_dad": "0",
  "net.ipv6.conf.default.accept_dad": "0",
  "net.ipv6.conf.default.dad_transmits": "0",
  "net.ipv6.fib_multipath_hash_policy": "1",
};

/**
 * What else namespaces get where the kernel has it (5.19; a container with a sysctl that its kernel does not know would not start).
 * Between namespaces a packet keeps its socket's hash, by which routers spread flows; Linux draws another hash after a
 * retransmission timeout, and the flow would change its tunnel. Over a wire no such hash travels.
 */
export const NAMESPACE_SYSCTLS: Readonly<Record<string, string>> = { "net.core.txrehash": "0" };
