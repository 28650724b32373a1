import {
  checkedName,
  KERNEL,
  NsmError,
  PARAMETER,
  type Mechanism,
  type Wiring,
  type WiringRequest,
} from "@networkservicemesh/sdk-ts";
import { applyContext, endContext, type AppliedContext } from "./context.ts";
import { clientOf, expiryOf, Links } from "./links.ts";
import type { HeldNamespace } from "./namespaces.ts";
import { keyOf, type Side } from "./tag.ts";
import { deleteVeth, ensureVeth, type VethEnd } from "./veth.ts";

interface KernelLink {
  readonly ends: readonly [client: KernelEnd, endpoint: KernelEnd];
}

/** An interface that a mechanism KERNEL names, and what is set on it. */
export interface KernelEnd extends VethEnd {
  readonly held: HeldNamespace;
  applied?: AppliedContext;
}

/**
 * KERNEL to KERNEL: a veth pair between the client's namespace and the endpoint's, with the MTU, addresses, routes,
 * neighbours and policies of the connection's context. What a former life of the forwarder has made is taken over.
 */
export class KernelWiring implements Wiring {
  readonly #links = new Map<string, KernelLink>();
  readonly #shared: Links;

  constructor(shared = new Links("forwarder")) {
    this.#shared = shared;
  }

  get size(): number {
    return this.#links.size;
  }

  supports(client: string, endpoint: string): boolean {
    return client === KERNEL && endpoint === KERNEL;
  }

  async wire({ id, client, endpoint, connection }: WiringRequest): Promise<void> {
    const before = this.#links.get(id);
    const wanted = this.#open(client, endpoint);
    let link = before;
    if (before !== undefined && isSame(before, wanted)) close(wanted);
    else {
      if (before !== undefined) await this.unwire(id);
      link = await this.#claim(id, clientOf(connection), wanted);
    }
    const [from, to] = link!.ends;
    const { owner } = this.#shared;
    const tag = { owner, key: keyOf(id), expiresMs: expiryOf(connection) };
    try {
      const isLive = (key: string) => key !== tag.key && this.#shared.isLive(key);
      await ensureVeth(from, to, { tag, isLive });
      from.applied = await applyContext(
        from.namespace,
        from.name,
        endContext(connection.context, "client"),
        from.applied,
      );
      to.applied = await applyContext(to.namespace, to.name, endContext(connection.context, "endpoint"), to.applied);
    } catch (error) {
      throw NsmError.from(error, `link ${from.name} to ${to.name}`);
    }
  }

  async unwire(id: string): Promise<void> {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    this.#shared.release(id);
    try {
      await deleteVeth({ owner: this.#shared.owner, key: keyOf(id) }, link.ends);
    } catch (error) {
      throw NsmError.from(error, `link ${link.ends[0].name}`);
    } finally {
      close(link);
    }
  }

  #open(client: Mechanism, endpoint: Mechanism): KernelLink {
    const from = openEnd(client, "c", this.#shared);
    try {
      return { ends: [from, openEnd(endpoint, "e", this.#shared)] };
    } catch (error) {
      from.held.release();
      throw error;
    }
  }

  async #claim(id: string, client: string, link: KernelLink): Promise<KernelLink> {
    try {
      await this.#shared.claim({ id, client, places: link.ends, remove: () => this.unwire(id) });
    } catch (error) {
      close(link);
      throw error;
    }
    this.#links.set(id, link);
    return link;
  }
}

/** @throws NsmError INVALID, NOT_FOUND: the mechanism names no interface of a namespace */
export function openEnd({ parameters, type }: Mechanism, side: Side, { namespaces }: Links): KernelEnd {
  const name = checkedName(parameters[PARAMETER.name] ?? "");
  const held = namespaces.takeUrl(parameters[PARAMETER.inodeUrl] ?? "", `mechanism ${type}`);
  return { held, namespace: held.namespace, inode: held.inode, name, side };
}

function close({ ends }: KernelLink): void {
  for (const { held } of ends) held.release();
}

function isSame(a: KernelLink, b: KernelLink): boolean {
  return a.ends.every((end, i) => end.inode === b.ends[i]?.inode && end.name === b.ends[i]?.name);
}
