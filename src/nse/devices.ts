import { KernelError } from "../kernel/errors.ts";
import type { Link } from "../kernel/links.ts";
import { watchDevices } from "../kernel/monitor.ts";
import { Namespace } from "../kernel/namespace.ts";
import { messageOf } from "./errors.ts";
import type { ConnectionRecord } from "./record.ts";

export interface DevicesOptions {
  /** Path of VPP's network namespace. */
  readonly netns: string;
  /** Bytes, of prepared devices. */
  readonly mtu: number;
  readonly records: () => Iterable<ConnectionRecord>;
  /** Records have other devices than before: plan anew. Settles when VPP was looked at. */
  readonly changed: (reason: string) => Promise<void>;
  /** A device could not be prepared; it is tried again. */
  readonly failed: (record: ConnectionRecord, message: string) => void;
}

/** Events that come together are looked at together. */
const SETTLE_MS = 10;
/** The kernel may lose events, and what failed is tried again. */
const PERIOD_MS = 1000;

/**
 * Kernel interfaces of connections: a forwarder makes them after the Request was answered, and takes them away before
 * the Close comes. Made ready for VPP when they appear: no packets put together, no addresses, the right MTU.
 */
export class KernelDevices {
  readonly #options: DevicesOptions;
  readonly #namespace: Namespace;
  readonly #abort = new AbortController();
  #scanning: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;
  readonly #failing = new Map<string, string>();

  /** @throws KernelError: there is no such namespace, or nothing may be seen there */
  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#namespace = Namespace.open(options.netns);
    try {
      watchDevices(this.#namespace.netns, () => this.#due(SETTLE_MS), this.#abort.signal);
    } catch (error) {
      this.#namespace.close();
      throw error;
    }
  }

  /** Connections came, went, or have other links. */
  touch(): void {
    this.#due(0);
  }

  /** Looks once without telling anybody: before the first plan after a restart. */
  async restore(): Promise<void> {
    const { links } = await this.#read();
    for (const record of this.#options.records()) {
      if (record.link.type !== "KERNEL") continue;
      const found = links.get(record.link.device);
      const same = found !== undefined && found.index === record.link.ifindex;
      if (!same) record.link = { ...record.link, ifindex: undefined };
      record.carrier = same && found.operational;
    }
  }

  async close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#scanning;
    this.#namespace.close();
  }

  #due(inMs: number): void {
    if (this.#abort.signal.aborted) return;
    const atMs = performance.now() + inMs;
    if (this.#timer !== undefined && this.#dueMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = atMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#scan();
    }, inMs);
    this.#timer.unref();
  }

  #scan(): void {
    if (this.#scanning !== undefined) {
      this.#again = true;
      return;
    }
    this.#scanning = this.#look()
      .catch(() => undefined)
      .finally(() => {
        this.#scanning = undefined;
        const again = this.#again;
        this.#again = false;
        const hasKernel = [...this.#options.records()].some((record) => record.link.type === "KERNEL");
        if (again) this.#due(SETTLE_MS);
        else if (hasKernel) this.#due(PERIOD_MS);
      });
  }

  async #read(): Promise<{ links: Map<string, Link>; addresses: Map<number, string[]> }> {
    // One after the other: the library takes one dump at a time.
    const links = await this.#namespace.links();
    const all = await this.#namespace.addresses();
    const addresses = new Map<number, string[]>();
    for (const { interfaceIndex, prefix } of all)
      addresses.set(interfaceIndex, [...(addresses.get(interfaceIndex) ?? []), prefix]);
    return { links: new Map(links.map((one) => [one.name, one])), addresses };
  }

  async #look(): Promise<void> {
    const records = [...this.#options.records()].filter((record) => record.link.type === "KERNEL");
    if (records.length === 0) return;
    const { links, addresses } = await this.#read();
    let changed = 0;
    const came: [ConnectionRecord, Link][] = [];
    for (const record of records) {
      const found = links.get(deviceOf(record));
      if (found !== undefined) await this.#clear(found, addresses.get(found.index) ?? []);
      changed += this.#compare(record, found);
      if (found !== undefined && ifindexOf(record) === undefined) came.push([record, found]);
    }
    // VPP lets go of what is gone before it gets another of the same name.
    if (changed > 0) await this.#options.changed("kernel interfaces went");
    const ready = (await Promise.all(came.map(([record, found]) => this.#attach(record, found)))).filter(
      Boolean,
    ).length;
    if (ready > 0) await this.#options.changed("kernel interfaces came");
  }

  /** @returns 1 where VPP has to let go of a device, or its carrier changed */
  #compare(record: ConnectionRecord, found: Link | undefined): number {
    const before = ifindexOf(record);
    if (before === undefined) return 0;
    if (found?.index !== before) {
      record.link = { type: "KERNEL", device: deviceOf(record), ifindex: undefined };
      record.carrier = false;
      return 1;
    }
    if (found.operational === record.carrier) return 0;
    record.carrier = found.operational;
    return 1;
  }

  async #attach(record: ConnectionRecord, found: Link): Promise<boolean> {
    try {
      await this.#prepare(found);
    } catch (error) {
      // It may have gone again meanwhile: then there is nothing to tell.
      if (!KernelError.is(error, "NOT_FOUND")) this.#tellFailure(record, messageOf(error));
      return false;
    }
    this.#failing.delete(record.id);
    const { link } = record;
    // The connection may have changed or ended meanwhile.
    if (link.type !== "KERNEL" || link.device !== found.name) return false;
    record.link = { ...link, ifindex: found.index };
    record.carrier = (await this.#namespace.link(found.name).catch(() => undefined))?.operational ?? false;
    return true;
  }

  #tellFailure(record: ConnectionRecord, message: string): void {
    if (this.#failing.get(record.id) === message) return;
    this.#failing.set(record.id, message);
    this.#options.failed(record, message);
  }

  async #prepare({ name }: Link): Promise<void> {
    const namespace = this.#namespace;
    // Where sysctls cannot be written (a container), addresses are taken off all the same.
    for (const setting of ["arp_ignore", "arp_announce"] as const)
      try {
        namespace.sysctl(`net/ipv4/conf/${name}/${setting}`, setting === "arp_ignore" ? 8 : 2);
      } catch (error) {
        if (KernelError.is(error, "NOT_FOUND")) throw error;
      }
    // What the peer sends is its side's to keep whole. Checksum offload stays on here: a VPP 26.06 that
    // finds it off on the device sends frames that the peer drops.
    namespace.setOffloads(name, { gro: false });
    await namespace.setLink(name, { mtu: this.#options.mtu, up: true });
  }

  /** The kernel must not answer for the BVI, nor route into the bridge: forwarders put addresses on, each time. */
  async #clear({ name }: Link, addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      if (address.startsWith("fe80:")) continue;
      await this.#namespace.deleteAddress(name, address).catch(() => undefined);
    }
  }
}

function deviceOf({ link }: ConnectionRecord): string {
  return link.type === "KERNEL" ? link.device : "";
}

function ifindexOf({ link }: ConnectionRecord): number | undefined {
  return link.type === "KERNEL" ? link.ifindex : undefined;
}
