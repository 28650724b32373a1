import type { Dataplane } from "../dataplane.ts";

/** IF_STATUS_API_FLAG_*: interface_types.api. */
const FLAG_ADMIN_UP = 1;
const FLAG_LINK_UP = 2;

/** What one `sw_interface_event` says. Flags name what went up since the last event, not the state. */
export interface InterfaceChange {
  readonly swIfIndex: number;
  readonly flags: number;
  readonly deleted: boolean;
}

export interface EventSubscriber {
  readonly clientIndex: number;
  notify(changes: readonly InterfaceChange[]): void;
}

interface Known {
  readonly interface: object;
  readonly adminUp: boolean;
  readonly linkUp: boolean;
}

/**
 * Interface events for the clients that want them. VPP collects what happened to an interface while a request was
 * served and sends one event for it after the reply (vnet/interface_api.c, link_state_process): the flags are what went
 * up meanwhile, so "admin down" and "created" are events with no flag.
 */
export class InterfaceEvents {
  readonly #dataplane: Dataplane;
  readonly #subscribers = new Map<number, EventSubscriber>();
  #known = new Map<number, Known>();

  constructor(dataplane: Dataplane) {
    this.#dataplane = dataplane;
  }

  has(clientIndex: number): boolean {
    return this.#subscribers.has(clientIndex);
  }

  add(subscriber: EventSubscriber): void {
    if (this.#subscribers.size === 0) {
      this.#known = this.#snapshot();
      this.#dataplane.abandoned.clear();
    }
    this.#subscribers.set(subscriber.clientIndex, subscriber);
  }

  remove(clientIndex: number): void {
    this.#subscribers.delete(clientIndex);
  }

  /** Sends what changed since the last call. Cheap without subscribers. */
  flush(): void {
    const { abandoned } = this.#dataplane;
    const failed = [...abandoned];
    abandoned.clear();
    if (this.#subscribers.size === 0) return;
    const now = this.#snapshot();
    const changes = compare(this.#known, now);
    for (const swIfIndex of failed) changes.push({ swIfIndex, flags: 0, deleted: true });
    this.#known = now;
    if (changes.length === 0) return;
    for (const subscriber of this.#subscribers.values()) subscriber.notify(changes);
  }

  #snapshot(): Map<number, Known> {
    const known = new Map<number, Known>();
    // The link is that of hardware: sub-interfaces have no events of it.
    for (const each of this.#dataplane.interfaces) {
      known.set(each.swIfIndex, {
        interface: each,
        adminUp: each.adminUp,
        linkUp: each.sup === undefined && each.linkUp,
      });
    }
    return known;
  }
}

/** Changes in the order of the interfaces' indexes, as VPP sends them. */
function compare(before: ReadonlyMap<number, Known>, after: ReadonlyMap<number, Known>): InterfaceChange[] {
  const changes: InterfaceChange[] = [];
  const indexes = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b);
  for (const swIfIndex of indexes) {
    const old = before.get(swIfIndex);
    const now = after.get(swIfIndex);
    if (old?.interface === now?.interface && old?.adminUp === now?.adminUp && old?.linkUp === now?.linkUp) continue;
    const same = old !== undefined && old.interface === now?.interface;
    const wentUp =
      (now?.adminUp === true && !(same && old.adminUp) ? FLAG_ADMIN_UP : 0) |
      (now?.linkUp === true && !(same && old.linkUp) ? FLAG_LINK_UP : 0);
    changes.push({ swIfIndex, flags: wentUp, deleted: old !== undefined && !same });
  }
  return changes;
}
