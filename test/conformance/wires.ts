/** A dataplane with devices whose other ends are in the test's hands: frames go in and come out as they are. */
import type { Namespace } from "../../src/kernel/namespace.ts";
import { PacketRing, PacketSender, TP_STATUS_VLAN_VALID } from "../../src/sys/packet-ring.ts";
import { mapMemory, type Mapping } from "../../src/sys/mmap.ts";
import { BareClient } from "./client.ts";
import type { Command } from "./commands.ts";
import { answer } from "./pair.ts";
import { startEmbedded, startVpp, type Subject } from "./subject.ts";

const FRAME_ROOM = 65536;
const POLL_MS = 2;
const DEADLINE_MS = 5000;
const TAG_BYTES = 4;

/** The far end of a device of the dataplane's. */
export class Wire {
  readonly #ring: PacketRing;
  readonly #sender: PacketSender;
  readonly #memory: Mapping;
  readonly received: Uint8Array[] = [];

  constructor(device: string) {
    this.#ring = new PacketRing(device);
    this.#sender = new PacketSender(this.#ring.fd);
    this.#memory = mapMemory(FRAME_ROOM);
  }

  send(frame: Uint8Array): void {
    this.#memory.bytes.set(frame);
    const { address } = this.#memory;
    this.#sender.push(Number(address & 0xffffffffn), Number(address >> 32n), 0, frame.length);
    if (this.#sender.send() !== 0) throw new Error(`the kernel did not take a frame of ${frame.length} bytes`);
  }

  /** Takes what came, with tags that the kernel took off. */
  poll(): void {
    while (this.#ring.nextBlock() > 0) {
      while (this.#ring.nextFrame()) {
        const { offset, length, status } = this.#ring.frame;
        const frame = this.#ring.bytes.slice(offset, offset + length);
        this.received.push((status & TP_STATUS_VLAN_VALID) === 0 ? frame : withTag(frame, this.#ring.vlanTag()));
      }
      this.#ring.releaseBlock();
    }
  }

  close(): void {
    this.#sender.close();
    this.#ring.close();
    this.#memory.close();
  }
}

function withTag(frame: Uint8Array, tag: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + TAG_BYTES);
  tagged.set(frame.subarray(0, 12));
  new DataView(tagged.buffer).setUint32(12, tag);
  tagged.set(frame.subarray(12), 12 + TAG_BYTES);
  return tagged;
}

/** A subject with wires: `v0`, `v1`, ... are the dataplane's devices. */
export class Wired {
  readonly subject: Subject;
  readonly client: BareClient;
  readonly wires: readonly Wire[];

  private constructor(subject: Subject, client: BareClient, wires: readonly Wire[]) {
    this.subject = subject;
    this.client = client;
    this.wires = wires;
  }

  /** `command` runs a real VPP; without it the embedded dataplane. */
  static async start(count: number, command: string | undefined, mtu = 1500): Promise<Wired> {
    const wires: Wire[] = [];
    const prepare = async (namespace: Namespace): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        await namespace.addVeth({ name: `v${i}`, mtu, peer: { name: `p${i}` } });
        for (const device of [`v${i}`, `p${i}`]) namespace.sysctl(`net/ipv6/conf/${device}/disable_ipv6`, 1);
        wires.push(namespace.run(() => new Wire(`p${i}`)));
      }
    };
    const subject = await (command === undefined ? startEmbedded(prepare) : startVpp(command, prepare));
    return new Wired(subject, await BareClient.connect(subject.api), wires);
  }

  async run(commands: readonly Command[]): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (const command of commands) answers.push(await answer(this.client, command));
    return answers;
  }

  /** Waits until `isDone` holds for a wire, looking at all of them. */
  async until(what: string, isDone: () => boolean): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      for (const wire of this.wires) wire.poll();
      if (isDone()) return;
      if (performance.now() > deadline) throw new Error(`${what} did not come`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.subject.stop();
    for (const wire of this.wires) wire.close();
  }
}
