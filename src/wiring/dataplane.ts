import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { ConnectionState } from "vpp-api-ts";
import {
  KERNEL,
  MEMIF,
  NsmError,
  PARAMETER,
  type Mechanism,
  type Call,
  type Wiring,
  type WiringRequest,
} from "@networkservicemesh/sdk-ts";
import { applyContext, endContext } from "./context.ts";
import { openEnd, type KernelEnd } from "./kernel.ts";
import { clientOf, expiryOf, type Links } from "./links.ts";
import { masterOf, slaveOf } from "./memif-place.ts";
import { keyOf } from "./tag.ts";
import { deleteVeth, ensureVeth } from "./veth.ts";
import { seenFromHere, VppJoints, type JointSpec } from "./vpp-joint.ts";

export interface DataplaneWiringOptions {
  /** VPP's API socket. */
  readonly socket: string;
  readonly links: Links;
  /** Folder for memif sockets of clients, made where it is missing; VPP must be able to write there. */
  readonly memifFolder: string;
  /** VPP's network namespace. Default: that of the process at the other end of the socket. */
  readonly netns?: string;
  /** Keys of connections whose interfaces in VPP are kept although they are not wired (yet). */
  readonly isAwaited?: (key: string) => boolean;
  readonly onState?: (state: ConnectionState) => void;
  readonly onError?: (error: unknown, what: string) => void;
}

interface DataplaneLink {
  readonly request: WiringRequest;
  /** The interface that the client or the endpoint has. */
  readonly end: KernelEnd;
  /** VPP's end of the veth pair. */
  readonly vpp: KernelEnd;
  spec: JointSpec;
  /** It was made in a VPP that has gone since, or not at all. */
  broken: boolean;
}

/** Packets of this size pass unless the context says otherwise. */
const DEFAULT_MTU = 1500;
const VPP_END_MTU = 9000;
const SOCKET_DEADLINE_MS = 5000;
const VPP_DEADLINE_MS = 5000;
const POLL_MS = 20;

/**
 * KERNEL to MEMIF and back, through a VPP: a veth pair from the client's (or the endpoint's) namespace to VPP's, a
 * host-interface on it, a memif towards the other side, and a cross-connect between the two. VPP is asked by its binary
 * API alone. A VPP that comes back gets what it had; what nobody has any more is removed.
 */
export class DataplaneWiring implements Wiring {
  readonly #options: DataplaneWiringOptions;
  readonly #joints: VppJoints;
  readonly #links = new Map<string, DataplaneLink>();
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: DataplaneWiringOptions) {
    this.#options = options;
    this.#joints = new VppJoints({
      socket: options.socket,
      owner: options.links.owner,
      onState: (state) => {
        options.onState?.(state);
        if (state.status === "ready") void this.#restore();
      },
    });
    this.#joints.open();
  }

  get size(): number {
    return this.#links.size;
  }

  supports(client: string, endpoint: string): boolean {
    return (client === KERNEL && endpoint === MEMIF) || (client === MEMIF && endpoint === KERNEL);
  }

  async wire(request: WiringRequest, call: Call): Promise<void> {
    const { payload, networkService } = request.connection;
    if (payload !== "ETHERNET")
      throw new NsmError(
        "UNSUPPORTED",
        `KERNEL and MEMIF are joined for payload ETHERNET only, this is ${payload || "IP"}: give network service ${JSON.stringify(networkService)} payload ETHERNET where it is registered, or ask for the endpoint's own mechanism`,
      );
    await this.#vppThere(call);
    await this.#serially(request.id, () => this.#wire(request, false));
  }

  unwire(id: string): Promise<void> {
    return this.#serially(id, () => this.#unwire(id));
  }

  /** Removes from VPP what belongs to nobody any more. */
  async sweep(): Promise<void> {
    const { links, isAwaited } = this.#options;
    if (!this.#joints.ready) return;
    await this.#joints.sweep((key) => links.isLive(key) || isAwaited?.(key) === true);
  }

  /** What is wired stays. */
  close(): void {
    this.#joints.close();
    for (const link of this.#links.values()) release(link);
    this.#links.clear();
  }

  async #wire(request: WiringRequest, again: boolean): Promise<void> {
    const { id, connection } = request;
    const before = this.#links.get(id);
    const wanted = this.#open(request);
    let link = wanted;
    if (before !== undefined && isSame(before, wanted)) {
      release(wanted);
      link = { ...before, request };
      this.#links.set(id, link);
    } else {
      if (before !== undefined) await this.#unwire(id);
      await this.#claim(wanted);
    }
    try {
      const isFresh = await this.#ensureVeth(link);
      const side = link.end.side === "c" ? "client" : "endpoint";
      link.end.applied = await applyContext(
        link.end.namespace,
        link.end.name,
        { ...endContext(connection.context, side), mtu: wanted.spec.mtu },
        link.end.applied,
      );
      const { spec } = wanted;
      // A frame that is too long for VPP's own end would jam its ring for good: what is too long is lost at the other.
      await link.vpp.namespace.setLink(link.vpp.name, { mtu: Math.max(spec.mtu, VPP_END_MTU) });
      // Its frames are as long as they were when the interface was made.
      const resized = spec.mtu !== (before?.spec.mtu ?? DEFAULT_MTU);
      if (isFresh || again || link.broken || !isDeepStrictEqual(spec, before?.spec))
        await this.#joints.ensure(spec, isFresh || resized);
      link.spec = spec;
      link.broken = false;
      if (spec.role === "master") await this.#tellClient(link, request.client);
    } catch (error) {
      link.broken = true;
      throw NsmError.from(error, `interface ${link.end.name} through VPP`);
    }
  }

  #ensureVeth({ request, end, vpp, spec }: DataplaneLink): Promise<boolean> {
    const { links } = this.#options;
    const tag = { owner: links.owner, key: spec.key, expiresMs: expiryOf(request.connection) };
    const isLive = (key: string) => key !== spec.key && links.isLive(key);
    return ensureVeth(end, vpp, { tag, isLive, offloadsOff: true });
  }

  async #unwire(id: string): Promise<void> {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    this.#options.links.release(id);
    try {
      if (this.#joints.ready) await this.#joints.remove(link.spec.key);
    } catch (error) {
      // What VPP keeps is swept when it is there again.
      this.#options.onError?.(error, `removing ${link.spec.hostInterface} from VPP`);
    }
    try {
      const { owner } = this.#options.links;
      await deleteVeth({ owner, key: link.spec.key }, [link.end, link.vpp]);
    } catch (error) {
      throw NsmError.from(error, `link ${link.end.name}`);
    } finally {
      release(link);
    }
  }

  async #claim(link: DataplaneLink): Promise<void> {
    const { id, connection } = link.request;
    const { links } = this.#options;
    try {
      const places = [link.end, link.vpp];
      await links.claim({ id, client: clientOf(connection), places, remove: () => this.unwire(id) });
    } catch (error) {
      release(link);
      throw error;
    }
    this.#links.set(id, link);
  }

  #open(request: WiringRequest): DataplaneLink {
    const { links } = this.#options;
    const { id, client, endpoint, connection } = request;
    const key = keyOf(id);
    const isClientKernel = client.type === KERNEL;
    const end = openEnd(isClientKernel ? client : endpoint, isClientKernel ? "c" : "e", links);
    try {
      const spec: JointSpec = {
        key,
        hostInterface: `nsm${key.slice(0, 12)}`,
        mtu: connection.context?.MTU || DEFAULT_MTU,
        ...(isClientKernel ? slaveOf(endpoint, this.#joints.pid) : masterOf(client, key, this.#options.memifFolder)),
      };
      const held = links.namespaces.take(this.#options.netns ?? `/proc/${this.#vppPid()}/ns/net`);
      const { namespace, inode } = held;
      const vpp: KernelEnd = { held, namespace, inode, name: spec.hostInterface, side: "v" };
      return { request, end, vpp, spec, broken: false };
    } catch (error) {
      end.held.release();
      throw error;
    }
  }

  #vppPid(): number {
    const { pid } = this.#joints;
    if (pid === 0)
      throw new NsmError("UNSUPPORTED", "VPP's process cannot be seen from here: name its network namespace");
    return pid;
  }

  /** The socket's file as the client's hop sees it, once VPP has made it. */
  async #tellClient({ spec }: DataplaneLink, client: Mechanism): Promise<void> {
    if (spec.filename.startsWith("abstract:")) {
      client.parameters[PARAMETER.socketFile] = spec.key;
      return;
    }
    const deadline = Date.now() + SOCKET_DEADLINE_MS;
    for (;;) {
      const path = seenFromHere(spec.filename, this.#joints.pid);
      if (path !== undefined) {
        client.parameters[PARAMETER.inodeUrl] = `file://${path}`;
        return;
      }
      if (Date.now() > deadline)
        throw new NsmError("UNSUPPORTED", `VPP listens at ${spec.filename}, which cannot be seen from here`);
      await sleep(POLL_MS);
    }
  }

  async #vppThere(call: Call): Promise<void> {
    const deadline = Date.now() + VPP_DEADLINE_MS;
    while (!this.#joints.ready) {
      call.signal.throwIfAborted();
      if (Date.now() > deadline)
        throw new NsmError("UNAVAILABLE", `no VPP answers on ${this.#options.socket}: KERNEL and MEMIF need one`);
      await sleep(POLL_MS, undefined, { signal: call.signal });
    }
  }

  /** VPP is there: what it should have is made where it is missing, what is nobody's goes. */
  async #restore(): Promise<void> {
    for (const link of this.#links.values()) link.broken = true;
    for (const [id] of [...this.#links]) {
      await this.#serially(id, async () => {
        const link = this.#links.get(id);
        if (link?.broken === true) await this.#wire(link.request, true);
      }).catch((error: unknown) => this.#options.onError?.(error, `wiring ${id} again`));
    }
    await this.sweep().catch((error: unknown) => this.#options.onError?.(error, "looking for stale interfaces in VPP"));
  }

  /** What is done to one connection happens one after another: VPP's return comes between its Requests. */
  async #serially<T>(id: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#busy.get(id) ?? Promise.resolve()).then(work);
    const settled = mine.catch(() => undefined);
    this.#busy.set(id, settled);
    try {
      return await mine;
    } finally {
      if (this.#busy.get(id) === settled) this.#busy.delete(id);
    }
  }
}

function release({ end, vpp }: DataplaneLink): void {
  end.held.release();
  vpp.held.release();
}

function isSame(a: DataplaneLink, b: DataplaneLink): boolean {
  const isEnd = (one: KernelEnd, other: KernelEnd) => one.inode === other.inode && one.name === other.name;
  return isEnd(a.end, b.end) && isEnd(a.vpp, b.vpp);
}
