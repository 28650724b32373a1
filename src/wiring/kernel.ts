import { fstatSync } from "node:fs";
import { KernelError } from "../kernel/errors.ts";
import { Namespace } from "../kernel/namespace.ts";
import {
  filePathOf,
  KERNEL,
  NsmError,
  PARAMETER,
  type IpContext,
  type Mechanism,
  type Route,
  type Wiring,
  type WiringRequest,
} from "@networkservicemesh/sdk-ts";

interface Link {
  readonly client: Side;
  readonly endpoint: Side;
}

interface Side {
  readonly namespace: Namespace;
  /** Device and inode of the namespace: the same while it lives. */
  readonly inode: string;
  readonly name: string;
}

/**
 * KERNEL to KERNEL: a veth pair between the client's namespace and the endpoint's, with the addresses, routes and
 * neighbours of the connection's context on both ends. The client's end is found again after a restart by its name.
 */
export class KernelWiring implements Wiring {
  readonly #links = new Map<string, Link>();

  get size(): number {
    return this.#links.size;
  }

  supports(client: string, endpoint: string): boolean {
    return client === KERNEL && endpoint === KERNEL;
  }

  async wire({ id, client, endpoint, connection }: WiringRequest): Promise<void> {
    const wanted: Link = { client: openSide(client), endpoint: openSide(endpoint) };
    const before = this.#links.get(id);
    if (before !== undefined && isSame(before, wanted)) closeLink(wanted);
    else await this.#join(id, before, wanted);
    const link = this.#links.get(id)!;
    const ip = connection.context?.ipContext;
    const mtu = connection.context?.MTU ?? 0;
    for (const side of [link.client, link.endpoint]) if (mtu > 0) await side.namespace.setLink(side.name, { mtu });
    if (ip == null) return;
    await configure(link.client, ip.srcIpAddrs, ip.srcRoutes, ip);
    await configure(link.endpoint, ip.dstIpAddrs, ip.dstRoutes, ip);
  }

  async unwire(id: string): Promise<void> {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    try {
      // Either end takes the other along; whose namespace is gone has no end left.
      await link.endpoint.namespace.deleteLink(link.endpoint.name);
      await link.client.namespace.deleteLink(link.client.name);
    } catch (error) {
      if (!KernelError.is(error, "NOT_FOUND")) throw NsmError.from(error, `link ${link.client.name}`);
    } finally {
      closeLink(link);
    }
  }

  async #join(id: string, before: Link | undefined, wanted: Link): Promise<void> {
    if (before !== undefined) await this.unwire(id);
    const taken = [...this.#links.values()].some((link) =>
      [link.client, link.endpoint].some((side) =>
        [wanted.client, wanted.endpoint].some((other) => isSameSide(side, other)),
      ),
    );
    if (taken) {
      closeLink(wanted);
      throw new NsmError(
        "CONFLICT",
        `interface ${wanted.client.name} or ${wanted.endpoint.name} belongs to another connection`,
      );
    }
    const { client, endpoint } = wanted;
    try {
      await client.namespace.addVeth({
        name: client.name,
        peer: { name: endpoint.name, namespace: endpoint.namespace },
      });
    } catch (error) {
      closeLink(wanted);
      throw NsmError.from(error, `link ${client.name} to ${endpoint.name}`);
    }
    this.#links.set(id, wanted);
  }
}

function openSide({ parameters, type }: Mechanism): Side {
  const path = filePathOf(parameters[PARAMETER.inodeUrl] ?? "");
  const name = parameters[PARAMETER.name] ?? "";
  if (path === undefined || name === "")
    throw new NsmError("INVALID", `mechanism ${type} names no network namespace (inodeURL file://...) or no interface`);
  try {
    const namespace = Namespace.open(path);
    const { dev, ino } = fstatSync(namespace.netns.fd, { bigint: true });
    return { namespace, name, inode: `${dev}/${ino}` };
  } catch (error) {
    throw NsmError.from(error, `network namespace of interface ${name}`);
  }
}

function closeLink({ client, endpoint }: Link): void {
  client.namespace.close();
  endpoint.namespace.close();
}

function isSame(a: Link, b: Link): boolean {
  return isSameSide(a.client, b.client) && isSameSide(a.endpoint, b.endpoint);
}

function isSameSide(a: Side, b: Side): boolean {
  return a.inode === b.inode && a.name === b.name;
}

/** Brings one end to the context: what is there already stays, addresses that are no longer in it go. */
async function configure(
  side: Side,
  addresses: readonly string[],
  routes: readonly Route[],
  ip: IpContext,
): Promise<void> {
  const { namespace, name } = side;
  const wanted = new Set(addresses);
  for (const { prefix } of await namespace.addresses(name))
    if (!wanted.has(prefix) && !prefix.startsWith("fe80:")) await namespace.deleteAddress(name, prefix);
  for (const address of addresses) await namespace.addAddress(name, address);
  const own = new Set(addresses.map((address) => address.split("/")[0]));
  for (const { prefix, nextHop } of routes) {
    if (own.has(prefix.split("/")[0])) continue;
    await namespace.addRoute({ dst: prefix, dev: name, ...(nextHop === "" ? {} : { via: nextHop }) });
  }
  for (const { ip: address, hardwareAddress } of ip.ipNeighbors)
    if (!own.has(address)) await namespace.addNeighbour(name, address, hardwareAddress);
}
