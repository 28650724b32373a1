import { existsSync } from "node:fs";
import { NsmError } from "@networkservicemesh/sdk-ts";
import { VppClient, type ConnectionState } from "vpp-api-ts";
import { execute, observeFeatures, type VppPort } from "../bridge/index.ts";
import type { ExecuteContext } from "../bridge/index.ts";
import type { DesiredHostInterface, DesiredInterface, DesiredMemif, MemifSpec } from "../bridge/types.ts";
import { peerOf } from "../sys/peer.ts";
import { keyOfVppTag, vppTag } from "./tag.ts";

export interface VppJointsOptions {
  /** VPP's API socket. */
  readonly socket: string;
  /** See tag.ts. */
  readonly owner: string;
  /** Hears that VPP is there (also again), or not. */
  readonly onState?: (state: ConnectionState) => void;
}

/** A host-interface and a memif that are one wire. */
export interface JointSpec {
  /** Of the connection. */
  readonly key: string;
  /** The kernel's name of VPP's end of the veth pair. */
  readonly hostInterface: string;
  readonly role: "master" | "slave";
  /** Absolute path, or `abstract:NAME,netns_name=PATH`. */
  readonly filename: string;
  /** Bytes. */
  readonly mtu: number;
}

/** For ever: whoever wires outlives any VPP. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;
const ALL = 0xffffffff;
/** Ids of our memif sockets: 28 bits of the key above this. */
const FIRST_SOCKET = 0x1000_0000;
const RING_SIZE = 1024;

interface Found {
  readonly name: string;
  readonly index: number;
  readonly key: string;
}

interface Observed {
  /** Ours, of any connection. */
  readonly interfaces: readonly Found[];
  /** Socket of each memif by interface index. */
  readonly memifs: ReadonlyMap<number, number>;
  readonly sockets: ReadonlyMap<number, string>;
  readonly context: ExecuteContext;
}

/** Wires between kernel interfaces and memifs in a VPP, by its binary API: found again by their tags. */
export class VppJoints {
  readonly #options: VppJointsOptions;
  readonly #client: VppClient;
  #pid = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: VppJointsOptions) {
    this.#options = options;
    this.#client = new VppClient({
      socket: options.socket,
      name: "vpplb-nsm",
      reconnect: { minMs: 50, maxMs: 500 },
      trust: {
        checkPeer: (socket) => {
          this.#pid = peerOf(socket).pid;
          return undefined;
        },
      },
    });
  }

  /** Begins to connect, and connects again after each loss, until `close`. */
  open(): void {
    if (this.#options.onState !== undefined) this.#client.state$.subscribe(this.#options.onState);
    this.#client.connect({ deadlineMs: NEVER_MS }).catch(() => {
      // Its failures are states; only `close` ends it.
    });
  }

  /** What was made stays. */
  close(): void {
    this.#client.close();
  }

  get ready(): boolean {
    return this.#client.state.status === "ready";
  }

  /** VPP's process as this one sees it; 0 where it cannot. */
  get pid(): number {
    return this.#pid;
  }

  /** Brings the joint about; what is there and fits stays. @param fresh the kernel's interface is another one of its name */
  ensure(spec: JointSpec, fresh: boolean): Promise<void> {
    return this.#serially(async () => {
      let observed = await this.#observe();
      const wrong = mine(observed, spec.key).filter(
        (found) => (fresh && isHost(found)) || !fits(found, spec, observed),
      );
      if (wrong.length > 0) {
        await removeAll(mine(observed, spec.key), observed);
        observed = await this.#observe();
      }
      await this.#make(spec, observed);
    });
  }

  remove(key: string): Promise<void> {
    return this.#serially(async () => {
      const observed = await this.#observe();
      await removeAll(mine(observed, key), observed);
    });
  }

  /** Removes what is of connections that are not to be kept. @returns how many interfaces */
  sweep(keep: (key: string) => boolean): Promise<number> {
    return this.#serially(async () => {
      const observed = await this.#observe();
      const stale = observed.interfaces.filter(({ key }) => !keep(key));
      await removeAll(stale, observed);
      await removeUnusedSockets(await this.#observe());
      return stale.length;
    });
  }

  async #make(spec: JointSpec, observed: Observed): Promise<void> {
    const { context } = observed;
    const tag = vppTag(this.#options.owner, spec.key);
    const present = mine(observed, spec.key);
    const memifFound = present.find((found) => !isHost(found));
    const socket = memifFound === undefined ? freeSocket(spec, observed) : observed.memifs.get(memifFound.index)!;
    const memif = desiredMemif(spec, socket);
    const host = desiredHost(spec);
    if (memifFound === undefined) {
      const socketAction = { id: socket, filename: spec.filename };
      if (observed.sockets.has(socket) && observed.sockets.get(socket) !== spec.filename)
        await execute({ type: "memif-socket", socket: socketAction, add: false }, context);
      await execute({ type: "memif-socket", socket: socketAction, add: true }, context);
      await execute({ type: "interface-create", interface: memif, tag }, context);
    }
    if (!present.some(isHost)) await execute({ type: "interface-create", interface: host, tag }, context);
    for (const [name, to] of [
      [host.name, memif.name],
      [memif.name, host.name],
    ] as const)
      await execute({ type: "interface-cross-connect", name, to, enable: true }, context);
    for (const { name } of [memif, host]) await execute({ type: "interface-state", name, up: true }, context);
  }

  async #observe(): Promise<Observed> {
    const port = this.#port();
    const [features, details, memifs, sockets] = await Promise.all([
      observeFeatures(port),
      port.dump("sw_interface_dump", { sw_if_index: ALL, name_filter_valid: false, name_filter: "" }),
      port.has("memif_dump") ? port.dump("memif_dump", {}) : [],
      port.has("memif_socket_filename_dump") ? port.dump("memif_socket_filename_dump", {}) : [],
    ]);
    if (features.memif !== true) throw new NsmError("UNSUPPORTED", "this VPP has no memif plugin");
    const interfaces = details.map((detail) => ({
      name: String(detail["interface_name"]),
      index: Number(detail["sw_if_index"]),
      key: keyOfVppTag(this.#options.owner, String(detail["tag"])),
    }));
    return {
      interfaces: interfaces.filter((one): one is Found => one.key !== undefined),
      memifs: new Map(memifs.map((one) => [Number(one["sw_if_index"]), Number(one["socket_id"])])),
      sockets: new Map(sockets.map((one) => [Number(one["socket_id"]), String(one["socket_filename"])])),
      context: { port, features, interfaces: new Map(interfaces.map(({ name, index }) => [name, index])) },
    };
  }

  #port(): VppPort {
    const client = this.#client;
    if (!this.ready)
      throw new NsmError("UNAVAILABLE", `VPP on ${this.#options.socket} is not there (${client.state.status})`);
    return {
      has: (message) => client.has(message),
      request: (message, fields) => client.requestUntyped(message, fields),
      dump: (message, fields) => client.dumpUntyped(message, fields),
      cli: (line) => client.cli(line),
    };
  }

  /** One after another: ids are chosen by what is there. */
  async #serially<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#tail.then(work);
    this.#tail = mine.catch(() => undefined);
    try {
      return await mine;
    } catch (error) {
      throw NsmError.from(error, `VPP on ${this.#options.socket}`);
    }
  }
}

function mine({ interfaces }: Observed, key: string): Found[] {
  return interfaces.filter((found) => found.key === key);
}

function isHost({ name }: Found): boolean {
  return name.startsWith("host-");
}

function fits(found: Found, spec: JointSpec, { memifs, sockets }: Observed): boolean {
  if (isHost(found)) return found.name === desiredHost(spec).name;
  return sockets.get(memifs.get(found.index) ?? -1) === spec.filename;
}

/** An id of our own that nobody has, or that we had left behind; the same for a connection where possible. */
function freeSocket({ key }: JointSpec, { memifs }: Observed): number {
  const used = new Set(memifs.values());
  let id = FIRST_SOCKET + Number.parseInt(key.slice(0, 7), 16);
  while (used.has(id)) id = id === 2 * FIRST_SOCKET - 1 ? FIRST_SOCKET : id + 1;
  return id;
}

function desiredHost({ hostInterface, mtu }: JointSpec): DesiredHostInterface {
  return { kind: "host", hostInterface, name: `host-${hostInterface}`, mtu, addresses: [], outside: false, up: true };
}

function desiredMemif({ role, mtu }: JointSpec, socket: number): DesiredMemif {
  const memif: MemifSpec = {
    socket,
    id: 0,
    role,
    mode: "ethernet",
    ringSize: RING_SIZE,
    bufferSize: mtu <= 2000 ? 2048 : 16_384,
    rxQueues: 1,
    txQueues: 1,
    zeroCopy: false,
  };
  return { kind: "memif", memif, name: `memif${socket}/0`, mtu, addresses: [], outside: false, up: true };
}

/** Cross-connects first: VPP would keep an index that is somebody else's later. */
async function removeAll(found: readonly Found[], { context, memifs, sockets }: Observed): Promise<void> {
  for (const { name } of found) {
    await execute({ type: "interface-state", name, up: false }, context);
    await execute({ type: "interface-cross-connect", name, to: name, enable: false }, context);
  }
  for (const one of found) {
    const kind: DesiredInterface["kind"] = isHost(one) ? "host" : "memif";
    const hostInterface = isHost(one) ? { hostInterface: one.name.slice("host-".length) } : {};
    await execute({ type: "interface-delete", name: one.name, kind, ...hostInterface }, context);
    const id = memifs.get(one.index);
    if (id !== undefined)
      await execute({ type: "memif-socket", socket: { id, filename: sockets.get(id) ?? "" }, add: false }, context);
  }
}

/** Those of ours that a crash has left without an interface. */
async function removeUnusedSockets({ sockets, memifs, context }: Observed): Promise<void> {
  const used = new Set(memifs.values());
  for (const [id, filename] of sockets) {
    if (id < FIRST_SOCKET || id >= 2 * FIRST_SOCKET || used.has(id)) continue;
    await execute({ type: "memif-socket", socket: { id, filename }, add: false }, context);
  }
}

/** Where this process sees a file that VPP has made; undefined: nowhere. */
export function seenFromHere(path: string, vppPid: number): string | undefined {
  return [path, `/proc/${vppPid}/root${path}`].find((each) => existsSync(each));
}
