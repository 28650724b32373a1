import type { ChildProcess, SpawnOptions } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { getOffloads, setOffloads, type Offload } from "../sys/ethtool.ts";
import { interfaceIndex } from "../sys/ioctl.ts";
import { bindMount, unmount } from "../sys/mount.ts";
import { createNetns, openNetns, spawnInNetns, type Netns } from "../sys/netns.ts";
import * as addresses from "./addresses.ts";
import { KernelError } from "./errors.ts";
import * as links from "./links.ts";
import { Netlink } from "./netlink.ts";
import * as routes from "./routes.ts";
import * as rules from "./rules.ts";

/** Where `ip netns` looks for namespaces with a name. */
const NAMED = "/run/netns";

/** Options of one end of a veth pair; `up` defaults to true. */
export type VethEnd = links.VethEnd;

/**
 * A network namespace and everything that is configured in it. All operations are idempotent: what is there already is
 * kept or brought to the arguments. A namespace of our own making is gone when it is closed, unless `persist` named it.
 */
export class Namespace {
  /** For messages. */
  readonly label: string;
  readonly netns: Netns;
  #netlink: Netlink | undefined;
  #closed = false;

  private constructor(label: string, netns: Netns) {
    this.label = label;
    this.netns = netns;
  }

  /** A new namespace, its loopback up. @throws KernelError PERMISSION */
  static async create(label: string): Promise<Namespace> {
    let netns: Netns;
    try {
      netns = createNetns();
    } catch (cause) {
      throw KernelError.from(`create network namespace ${label}`, cause);
    }
    const self = new Namespace(label, netns);
    try {
      await self.setLink("lo", { up: true });
      return self;
    } catch (error) {
      self.close();
      throw error;
    }
  }

  /** An existing one: a name of /run/netns, a path, a process. @throws KernelError NOT_FOUND */
  static open(which: string | { pid: number }): Namespace {
    const path = typeof which === "string" && !which.includes("/") ? `${NAMED}/${which}` : which;
    const label = typeof which === "string" ? which : `of process ${which.pid}`;
    try {
      return new Namespace(label, openNetns(path));
    } catch (cause) {
      throw KernelError.from(`open network namespace ${label}`, cause);
    }
  }

  /** The one that this process is in. */
  static own(): Namespace {
    return new Namespace("own", openNetns("self"));
  }

  get netlink(): Netlink {
    if (this.#closed) throw new KernelError("CLOSED", `network namespace ${this.label} is closed`);
    this.#netlink ??= new Netlink(this.netns);
    return this.#netlink;
  }

  /** Runs a synchronous function inside; see `inNetns`. */
  run<T>(fn: () => T): T {
    return this.netns.run(fn);
  }

  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    return spawnInNetns(this.netns, command, args, options);
  }

  /* ---- links ---- */

  links(): Promise<links.Link[]> {
    return links.listLinks(this.netlink);
  }

  /** @throws KernelError NOT_FOUND */
  link(name: string): Promise<links.Link> {
    return links.getLink(this.netlink, name);
  }

  /** undefined where there is none. */
  findLink(name: string): Promise<links.Link | undefined> {
    return links.findLink(this.netlink, name);
  }

  setLink(name: string, options: links.LinkOptions): Promise<void> {
    return links.setLink(this.netlink, name, options);
  }

  /**
   * A veth pair between this namespace and another (or this one again); both ends up unless they say otherwise, and
   * then packets pass. IPv6 duplicate address detection is off: until it is done with the link-local address, a host
   * cannot ask for its gateway (about two seconds).
   */
  async addVeth(end: VethEnd & { peer: VethEnd & { namespace?: Namespace } }): Promise<void> {
    const { peer, ...here } = end;
    const { namespace = this, ...there } = peer;
    const down = { up: undefined };
    await links.addVethPair(
      this.netlink,
      { ...here, ...down },
      { ...there, ...down, namespaceFd: namespace.netns.fd, netlink: namespace.netlink },
    );
    const ends = [
      { namespace, name: there.name, up: there.up ?? true },
      { namespace: this, name: here.name, up: here.up ?? true },
    ];
    for (const one of ends) {
      if (!(await one.namespace.link(one.name)).up) one.namespace.#withoutDad(one.name);
      await one.namespace.setLink(one.name, { up: one.up });
    }
    if (!ends.every((one) => one.up)) return;
    for (const one of ends) await links.waitOperational(one.namespace.netlink, one.name);
  }

  #withoutDad(dev: string): void {
    try {
      this.sysctl(`net/ipv6/conf/${dev}/accept_dad`, 0);
    } catch (error) {
      // A kernel without IPv6; or /proc/sys of a container, which may be read-only: then IPv6 begins after two seconds.
      if (!KernelError.is(error, "NOT_FOUND", "PERMISSION")) throw error;
    }
  }

  addBridge(name: string, options: links.LinkOptions = {}): Promise<void> {
    return links.addLink(this.netlink, name, "bridge", { up: true, ...options });
  }

  addDummy(name: string, options: links.LinkOptions = {}): Promise<void> {
    return links.addLink(this.netlink, name, "dummy", { up: true, ...options });
  }

  /**
   * Makes sure that the kernel's catch-all GRE device is there ("gre0" of kind "gre", "ip6gre0" of "ip6gre").
   * @throws KernelError UNSUPPORTED where the kernel has no GRE
   */
  async addKernelGre(name: string, kind: "gre" | "ip6gre"): Promise<void> {
    try {
      await links.addLink(this.netlink, name, kind);
    } catch (error) {
      // Asking for the kind loads its module, and the module has made the device before our request does.
      if (!KernelError.is(error, "EXISTS") || (await this.link(name)).kind !== kind) throw error;
    }
  }

  /** It must be down. @throws KernelError NOT_FOUND, EXISTS, BUSY */
  renameLink(name: string, to: string): Promise<void> {
    return links.renameLink(this.netlink, name, to);
  }

  /** False where there was none. */
  deleteLink(name: string): Promise<boolean> {
    return links.deleteLink(this.netlink, name);
  }

  /* ---- addresses, routes, rules ---- */

  async addresses(dev?: string): Promise<addresses.InterfaceAddress[]> {
    const index = dev === undefined ? undefined : this.index(dev);
    const all = await addresses.listAddresses(this.netlink);
    return all.filter((one) => index === undefined || one.interfaceIndex === index);
  }

  /** @param prefix "10.60.1.1/24", "2001:db8::1/64"; IPv6 without duplicate address detection */
  async addAddress(dev: string, prefix: string): Promise<void> {
    await addresses.addAddress(this.netlink, this.index(dev), prefix, dev);
  }

  async deleteAddress(dev: string, prefix: string): Promise<boolean> {
    return addresses.deleteAddress(this.netlink, this.index(dev), prefix, dev);
  }

  neighbours(): Promise<addresses.Neighbour[]> {
    return addresses.listNeighbours(this.netlink);
  }

  async addNeighbour(dev: string, address: string, mac: string): Promise<void> {
    await addresses.addNeighbour(this.netlink, this.index(dev), address, mac);
  }

  async deleteNeighbour(dev: string, address: string): Promise<boolean> {
    return addresses.deleteNeighbour(this.netlink, this.index(dev), address);
  }

  routes(): Promise<routes.Route[]> {
    return routes.listRoutes(this.netlink);
  }

  async addRoute(spec: routes.RouteSpec): Promise<void> {
    await routes.addRoute(this.netlink, spec, (dev) => this.index(dev));
  }

  async deleteRoute(spec: routes.RouteSpec): Promise<boolean> {
    return routes.deleteRoute(this.netlink, spec, (dev) => this.index(dev));
  }

  rules(): Promise<rules.Rule[]> {
    return rules.listRules(this.netlink);
  }

  async addRule(spec: rules.RuleSpec): Promise<void> {
    await rules.addRule(this.netlink, spec);
  }

  deleteRule(spec: rules.RuleSpec): Promise<boolean> {
    return rules.deleteRule(this.netlink, spec);
  }

  /** The device's index in this namespace. @throws KernelError NOT_FOUND */
  index(dev: string): number {
    try {
      return this.run(() => interfaceIndex(dev));
    } catch (cause) {
      throw KernelError.from(`device ${dev} in namespace ${this.label}`, cause);
    }
  }

  /* ---- sysctls and offloads ---- */

  /** A setting of this namespace: "net.ipv4.ip_forward" or "net/ipv4/conf/eth0.5/rp_filter". @throws KernelError */
  sysctl(name: string): string;
  sysctl(name: string, value: string | number): void;
  sysctl(name: string, value?: string | number): string | void {
    const path = `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
    try {
      return this.run(() => {
        const present = readFileSync(path, "utf8").trim();
        if (value === undefined) return present;
        if (present !== String(value)) writeFileSync(path, String(value));
        return undefined;
      });
    } catch (cause) {
      throw KernelError.from(`sysctl ${name}${value === undefined ? "" : `=${value}`}`, cause);
    }
  }

  offloads(dev: string): Record<Offload, boolean | undefined> {
    try {
      return this.run(() => getOffloads(dev));
    } catch (cause) {
      throw KernelError.from(`offloads of ${dev}`, cause);
    }
  }

  /** Switches offloads; what the device does not know is left out. @throws KernelError UNSUPPORTED, NOT_FOUND */
  setOffloads(dev: string, wanted: Partial<Record<Offload, boolean>>): void {
    let stuck: Offload[];
    try {
      stuck = this.run(() => setOffloads(dev, wanted));
    } catch (cause) {
      throw KernelError.from(`switch offloads of ${dev}`, cause);
    }
    if (stuck.length === 0) return;
    const list = stuck.map((name) => `${name} ${wanted[name] ? "off" : "on"}`).join(", ");
    throw new KernelError("UNSUPPORTED", `${dev}: the driver does not switch offloads, it keeps: ${list}`);
  }

  /**
   * Switches offloads off and makes sure that they are: a segmented (GSO) frame wedges VPP's host-interface for good,
   * and frames with open checksums mean nothing to a reader of raw frames.
   * @throws KernelError UNSUPPORTED naming those that stayed on
   */
  offloadsOff(dev: string, which: readonly Offload[] = ["tx", "sg", "tso", "gso", "gro"]): void {
    this.setOffloads(dev, Object.fromEntries(which.map((name) => [name, false])));
  }

  /* ---- its life ---- */

  /**
   * Gives the namespace a name under /run/netns, where `ip netns exec NAME` and `Namespace.open(NAME)` find it; it then
   * outlives us until `Namespace.remove(NAME)` or `ip netns delete NAME`.
   * @throws KernelError EXISTS
   */
  persist(name: string): void {
    const path = `${NAMED}/${name}`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "", { flag: "wx" });
    } catch (cause) {
      throw KernelError.from(`name a network namespace ${name}`, cause);
    }
    try {
      bindMount(`/proc/self/fd/${this.netns.fd}`, path);
    } catch (cause) {
      rmSync(path, { force: true });
      throw KernelError.from(`name a network namespace ${name}`, cause);
    }
  }

  /** Removes a name that `persist` gave. False where there was none. */
  static remove(name: string): boolean {
    const path = `${NAMED}/${name}`;
    try {
      unmount(path);
    } catch {
      // Not mounted: only the file is left, or nothing.
    }
    try {
      rmSync(path);
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw KernelError.from(`remove the network namespace ${name}`, cause);
    }
  }

  /** Idempotent. Devices of an unnamed namespace vanish with it (soon after: the kernel does it in the background). */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#netlink?.close();
    this.netns.close();
  }
}
