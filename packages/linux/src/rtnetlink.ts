/**
 * Links, addresses, routes and rules of the network namespace that was current when this was opened. Synchronous and fast (no
 * fork). Changes throw a LinuxError with the kernel's own words; `changeAll` makes many in one call and reports each.
 */

import { Errno } from "./errno.ts";
import { LinuxError } from "./linux-error.ts";
import {
  addressAdd,
  addressDelete,
  addressDump,
  decodeAddress,
  type InterfaceAddress,
} from "./netlink/address.ts";
import { decodeLink, type Link, type LinkChange, linkChange, linkDelete, linkDump } from "./netlink/link.ts";
import type { NetlinkRequest } from "./netlink/message.ts";
import {
  type DumpedRoute,
  decodeRoute,
  type Route,
  routeDelete,
  routeDump,
  routeReplace,
} from "./netlink/route.ts";
import { RouteSocket } from "./netlink/route-socket.ts";
import { type Rule, ruleAdd, ruleDelete } from "./netlink/rule.ts";

export class RouteNetlink {
  readonly #socket: RouteSocket = new RouteSocket();

  links(): Link[] {
    return this.#socket.dump(linkDump).flatMap((payload) => decodeLink(payload) ?? []);
  }

  /** Throws a LinuxError (ENODEV) when there is no such link. */
  linkIndex(name: string): number {
    const link = this.links().find((one) => one.name === name);
    if (link === undefined) {
      throw new LinuxError("RTM_GETLINK", Errno.ENODEV, `link ${name}`, "there is no such interface here");
    }
    return link.index;
  }

  setLink(name: string, change: LinkChange): void {
    this.#socket.change(linkChange(this.linkIndex(name), name, change));
  }

  deleteLink(name: string): void {
    this.#socket.change(linkDelete(this.linkIndex(name), name));
  }

  addresses(): InterfaceAddress[] {
    return this.#socket.dump(addressDump).flatMap((payload) => decodeAddress(payload) ?? []);
  }

  /** One that is there already stays. */
  addAddress(address: InterfaceAddress): void {
    this.#socket.change(addressAdd(address));
  }

  deleteAddress(address: InterfaceAddress): void {
    this.#socket.change(addressDelete(address));
  }

  /** Of all tables. */
  routes(family: 4 | 6): DumpedRoute[] {
    return this.#socket.dump(routeDump(family)).flatMap((payload) => decodeRoute(payload) ?? []);
  }

  /** Adds it or replaces the one of this prefix, table and metric, without a gap. */
  replaceRoute(route: Route): void {
    this.#socket.change(routeReplace(route));
  }

  deleteRoute(route: Route): void {
    this.#socket.change(routeDelete(route));
  }

  addRule(rule: Rule): void {
    this.#socket.change(ruleAdd(rule));
  }

  deleteRule(rule: Rule): void {
    this.#socket.change(ruleDelete(rule));
  }

  change(request: NetlinkRequest): void {
    this.#socket.change(request);
  }

  /** In order, in one call; one entry per change, undefined where it was made. */
  changeAll(requests: readonly NetlinkRequest[]): (LinuxError | undefined)[] {
    return this.#socket.changeAll(requests);
  }

  close(): void {
    this.#socket.close();
  }
}
