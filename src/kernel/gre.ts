import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_GRE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from "../sys/constants.ts";
import { SysError } from "../sys/errors.ts";
import { ReceiveBatch } from "../sys/messages.ts";
import { watchReadable, type Watch } from "../sys/notifier.ts";
import { packetAddress } from "../sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket, setBufferSize } from "../sys/sockets.ts";
import { KernelError } from "./errors.ts";
import { greOffset, parseGreHeader, unsetSourceGreOffset, type GreDropReason } from "./gre-header.ts";
import { openInjector, type Injector, type InjectorKind } from "./injector.ts";
import type { Namespace } from "./namespace.ts";

/** How GRE is taken off: by the kernel's own devices, or by us, by way of a TUN device or a veth pair. */
export type GreMode = "kernel" | InjectorKind;

export interface GreOptions {
  /** "auto" (default) takes the kernel's GRE where it exists, else a TUN device, else a veth pair. */
  readonly mode?: GreMode | "auto";
  /** The outer packets to take: IPv4, IPv6 or both (default). */
  readonly outer?: readonly (4 | 6)[];
  /** The device that decapsulated packets come from where we make one; default "vpplbgre". */
  readonly device?: string;
  /**
   * Take on this device also packets of the sources 255.255.255.255 and ff..ff: VPP's lb plugin sends from them until
   * `lb conf` sets others (plugins/lb/lb.c, lb_init), and the kernel drops them before any raw socket or GRE device.
   */
  readonly unsetSource?: string;
  /** Receive buffer of the raw sockets in bytes, default 4 MiB. */
  readonly bufferBytes?: number;
}

export interface GreCounters {
  packets: number;
  bytes: number;
  /** By reason; "refused" are packets that the kernel did not take from us. */
  dropped: Record<GreDropReason | "refused", number>;
  /** Errors of the raw sockets; `lastError` is the latest. */
  errors: number;
}

const OUTER_BOTH = [4, 6] as const;
const BATCH = 32;
/** The largest IP packet, reassembled. */
const SLOT_BYTES = 65536;
/** A burst ends after this long, so that the rest of the process gets its turn. */
const BUDGET_MS = 2;
const ERROR_PAUSE_MS = 100;
const kernelDevices = { 4: ["gre0", "gre"], 6: ["ip6gre0", "ip6gre"] } as const;

type OffsetOf = (bytes: Uint8Array, at: number, length: number, outer: 4 | 6) => number | undefined;

/** Sees IP packets of a device before the IP stack does. */
function openPacketSocket(namespace: Namespace, family: 4 | 6, device: string): number {
  const protocol = family === 4 ? ETH_P_IP : ETH_P_IPV6;
  const index = namespace.index(device);
  const fd = namespace.run(() => openSocket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  try {
    bindSocket(fd, packetAddress(index, protocol), device);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/**
 * Takes GRE (RFC 2784) off packets that arrive for this host and hands what is inside to its IP stack, as an
 * application server behind VPP's gre4 and gre6 needs it. Packets of any source are taken, as by Linux' gre0.
 */
export class GreDecapsulator {
  readonly mode: GreMode;
  /** Devices that decapsulated packets come from: their rp_filter must be 0. */
  readonly devices: readonly string[];
  readonly counters: GreCounters = {
    packets: 0,
    bytes: 0,
    dropped: { truncated: 0, version: 0, flags: 0, checksum: 0, protocol: 0, refused: 0 },
    errors: 0,
  };
  lastError: Error | undefined;
  readonly #undo: (() => void | Promise<void>)[] = [];
  #closed = false;

  private constructor(mode: GreMode, devices: readonly string[]) {
    this.mode = mode;
    this.devices = devices;
  }

  /** @throws KernelError UNSUPPORTED, PERMISSION */
  static async open(namespace: Namespace, options: GreOptions = {}): Promise<GreDecapsulator> {
    const { mode = "auto", outer = OUTER_BOTH } = options;
    if (mode === "kernel" || (mode === "auto" && options.unsetSource === undefined)) {
      try {
        return await GreDecapsulator.#openKernel(namespace, outer);
      } catch (error) {
        if (mode === "kernel" || !KernelError.is(error, "UNSUPPORTED")) throw error;
      }
    }
    const injector = await openInjector(namespace, options.device ?? "vpplbgre", mode);
    const self = new GreDecapsulator(injector.kind, [injector.device]);
    self.#undo.push(() => injector.close());
    try {
      const { bufferBytes = 4 << 20, unsetSource } = options;
      for (const family of outer) {
        const socket = () => openSocket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_GRE);
        self.#listen(namespace.run(socket), family, greOffset, injector, bufferBytes);
        if (unsetSource === undefined) continue;
        const fd = openPacketSocket(namespace, family, unsetSource);
        self.#listen(fd, family, unsetSourceGreOffset, injector, bufferBytes);
      }
      return self;
    } catch (cause) {
      await self.close();
      throw KernelError.from("open a raw GRE socket", cause);
    }
  }

  /**
   * The kernel's catch-all devices gre0 and ip6gre0: loading the module makes them in every namespace, so "exists" is
   * as good as created.
   */
  static async #openKernel(namespace: Namespace, outer: readonly (4 | 6)[]): Promise<GreDecapsulator> {
    const self = new GreDecapsulator(
      "kernel",
      outer.map((family) => kernelDevices[family][0]),
    );
    try {
      for (const family of outer) {
        const [name, kind] = kernelDevices[family];
        await namespace.addKernelGre(name, kind);
        const wasUp = (await namespace.link(name)).up;
        await namespace.setLink(name, { up: true });
        if (!wasUp) self.#undo.push(() => namespace.setLink(name, { up: false }));
      }
      return self;
    } catch (error) {
      await self.close();
      throw error;
    }
  }

  #listen(fd: number, outer: 4 | 6, offsetOf: OffsetOf, injector: Injector, bufferBytes: number): void {
    this.#undo.push(() => closeFd(fd));
    setBufferSize(fd, "receive", bufferBytes);
    const batch = new ReceiveBatch(BATCH, SLOT_BYTES);
    this.#undo.push(() => batch.close());
    let retry: NodeJS.Timeout | undefined;
    const watch: Watch = watchReadable(fd, () => {
      try {
        this.#burst(fd, outer, offsetOf, batch, injector);
      } catch (error) {
        this.counters.errors++;
        this.lastError = error as Error;
        watch.pause();
        retry = setTimeout(() => watch.resume(), ERROR_PAUSE_MS);
      }
    });
    this.#undo.push(() => {
      clearTimeout(retry);
      watch.close();
    });
  }

  #burst(fd: number, outer: 4 | 6, offsetOf: OffsetOf, batch: ReceiveBatch, injector: Injector): void {
    const end = performance.now() + BUDGET_MS;
    do {
      const count = batch.receive(fd);
      if (count === 0) return;
      for (let i = 0; i < count; i++) this.#packet(batch, i, outer, offsetOf, injector);
      const refused = injector.flush();
      this.counters.packets -= refused;
      this.counters.dropped.refused += refused;
      if (count < batch.capacity) return;
    } while (performance.now() < end);
  }

  #packet(batch: ReceiveBatch, i: number, outer: 4 | 6, offsetOf: OffsetOf, injector: Injector): void {
    const { counters } = this;
    const at = batch.offset(i);
    const length = batch.length(i);
    const gre = offsetOf(batch.bytes, at, length, outer);
    if (gre === undefined) return;
    if (gre < 0 || batch.truncated(i)) {
      counters.dropped.truncated++;
      return;
    }
    const header = parseGreHeader(batch.bytes, at + gre, length - gre);
    if (typeof header === "string") {
      counters.dropped[header]++;
      return;
    }
    const skip = gre + header;
    if (injector.inject(batch, i, skip, length - skip)) {
      counters.packets++;
      counters.bytes += length - skip;
    } else {
      counters.dropped.refused++;
    }
  }

  /** Undoes everything, in reverse. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        // A device may be gone already, with its namespace.
        if (!KernelError.is(error, "NOT_FOUND", "CLOSED") && !SysError.is(error, "ENODEV")) throw error;
      }
    }
  }
}
