/** A dataplane with devices whose other ends are in the test's hands: frames go in and come out as they are. */
import type { Namespace } from "../../src/kernel/namespace.ts";
import { BareClient } from "./client.ts";
import type { Command } from "./commands.ts";
import { answer } from "./pair.ts";
import { startEmbedded, startVpp, type Subject } from "./subject.ts";
import { Wire } from "./wire.ts";

const POLL_MS = 2;
const DEADLINE_MS = 5000;

/** A wire that keeps what came. */
class HeardWire extends Wire {
  readonly received: Uint8Array[] = [];

  /** Takes what came. */
  poll(): void {
    this.received.push(...this.take());
  }
}

/** A subject with wires: `v0`, `v1`, ... are the dataplane's devices. */
export class Wired {
  readonly subject: Subject;
  readonly client: BareClient;
  readonly wires: readonly HeardWire[];

  private constructor(subject: Subject, client: BareClient, wires: readonly HeardWire[]) {
    this.subject = subject;
    this.client = client;
    this.wires = wires;
  }

  /** `command` runs a real VPP; without it the embedded dataplane. */
  static async start(count: number, command: string | undefined, mtu = 1500): Promise<Wired> {
    const wires: HeardWire[] = [];
    const prepare = async (namespace: Namespace): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        await namespace.addVeth({ name: `v${i}`, mtu, peer: { name: `p${i}` } });
        for (const device of [`v${i}`, `p${i}`]) namespace.sysctl(`net/ipv6/conf/${device}/disable_ipv6`, 1);
        wires.push(new HeardWire(namespace, `p${i}`));
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
