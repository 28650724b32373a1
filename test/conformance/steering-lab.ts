/** A controller over a subject with two devices: lb.yaml in front, packets through what it made of it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { parseLbYaml } from "../../src/config/index.ts";
import { Controller } from "../../src/controller/index.ts";
import type { Namespace } from "../../src/kernel/namespace.ts";
import { until } from "../controller/support.ts";
import { DEADLINE_MS } from "./client.ts";
import type { TestPacket } from "./flow-model.ts";
import { delivered, frameOf, idOf, MAC } from "./frames.ts";
import { STREAMS, type Steering } from "./steering-model.ts";
import type { Subject } from "./subject.ts";
import { Wire } from "./wire.ts";

export const SERVERS_PER_STREAM = 3;
const SENTINEL_VIP = "20.9.9.9";
const SENTINEL: TestPacket = {
  ...{ family: 4, source: "192.0.2.200", destination: SENTINEL_VIP, protocol: 17, shape: "whole" },
  ...{ sourcePort: 1, destinationPort: 1, tcpFlags: 0 },
};

const host = (address: string) => `${address}/${address.includes(":") ? 128 : 32}`;

export const serverOf = (stream: number, n: number) => `10.60.${stream}.${n}`;

/** lb.yaml with what packets need besides: devices, neighbours, a VIP for the sentinel. */
export function yamlOf({ vips, flows }: Steering, change: (yaml: Record<string, unknown>) => void = () => {}): string {
  const numbers = Array.from({ length: STREAMS }, (_, index) => index + 1);
  const used = new Set([...vips, ...flows].map((one) => one.stream));
  const servers = (stream: number) => Array.from({ length: SERVERS_PER_STREAM }, (_, n) => serverOf(stream, n + 1));
  const yaml: Record<string, unknown> = {
    lb: { ip4Source: "10.60.0.1", ip6Source: "2001:db8:60::1", stickyBuckets: 65536, flowTimeoutS: 300 },
    interfaces: [
      { host: "out0", mac: MAC.out, addresses: ["10.60.0.1/16"] },
      { host: "in0", mac: MAC.in, addresses: ["10.70.0.1/24", "2001:db8:70::1/64"], outside: true },
    ],
    neighbors: [...numbers, 9].flatMap((stream) =>
      servers(stream).map((address) => ({ address, mac: MAC.server, interface: "host-out0" })),
    ),
    streams: numbers
      .filter((stream) => used.has(stream))
      .map((stream) => ({ name: `s${stream}`, encap: "gre4", tableSize: 64, servers: servers(stream) })),
    flows: flows.map((flow) => ({ ...flow, stream: `s${flow.stream}`, vips: flow.vips.map(host) })),
    vips: [
      ...vips.map(({ address, stream, icmp }) => ({
        prefix: host(address),
        stream: stream === undefined ? "none" : `s${stream}`,
        ...(icmp === undefined ? {} : { icmp }),
      })),
      { prefix: host(SENTINEL_VIP), encap: "gre4", servers: [serverOf(9, 1)] },
    ],
  };
  change(yaml);
  return stringify(yaml);
}

export class SteeringLab {
  readonly controller: Controller;
  readonly #subject: Subject;
  readonly #folder: string;
  readonly #in: Wire;
  readonly #out: Wire;
  #nextId = 1;

  private constructor(subject: Subject, controller: Controller, folder: string, wires: readonly [Wire, Wire]) {
    this.#subject = subject;
    this.controller = controller;
    this.#folder = folder;
    [this.#in, this.#out] = wires;
  }

  /** `start` gets what prepares the subject's namespace. */
  static async create(
    start: (prepare: (namespace: Namespace) => Promise<void>) => Promise<Subject>,
  ): Promise<SteeringLab> {
    const wires: Wire[] = [];
    const subject = await start(async (namespace) => {
      for (const name of ["in", "out"]) {
        await namespace.addVeth({ name: `${name}0`, peer: { name: `${name}1` } });
        wires.push(new Wire(namespace, `${name}1`));
      }
    });
    const folder = mkdtempSync(join(tmpdir(), "vpplb-steering-"));
    const journal = join(folder, "journal");
    const controller = await Controller.start({ socket: subject.api, journal, parse: parseLbYaml });
    const lab = new SteeringLab(subject, controller, folder, wires as [Wire, Wire]);
    const ready = () => controller.status().vpp.state === "ready";
    await until("VPP is there", ready, () => controller.status().vpp, 60_000);
    return lab;
  }

  /** The subject's API socket, for whoever is not the controller. */
  get api(): string {
    return this.#subject.api;
  }

  async close(): Promise<void> {
    await this.controller.close();
    await this.#subject.stop();
    this.#in.close();
    this.#out.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Makes VPP so, and sees that nothing is left to do. */
  async apply(yaml: string): Promise<readonly string[]> {
    const result = await this.controller.apply(yaml);
    const { refused, failed, problems, diagnostics } = result;
    assert.ok(result.ok, JSON.stringify({ refused, failed, problems, diagnostics }));
    const again = await this.controller.plan(yaml);
    assert.deepEqual(
      again.operations.map((one) => one.sentence),
      [],
    );
    return result.applied;
  }

  /** By packet the server that it went to, or undefined. Frames are worked on in order: the sentinel comes last. */
  async send(packets: readonly TestPacket[]): Promise<(string | undefined)[]> {
    const first = this.#nextId;
    this.#nextId += packets.length;
    this.#in.send(...packets.map((packet, i) => frameOf(packet, first + i)));
    const frames = [...(await this.#sentinel()), ...(await this.#sentinel())];
    const byId = new Map(frames.map((frame) => [idOf(frame), frame]));
    return packets.map((_, i) => {
      const frame = byId.get(first + i);
      return frame && delivered(frame).server;
    });
  }

  async #sentinel(): Promise<Uint8Array[]> {
    const id = this.#nextId++;
    this.#in.send(frameOf(SENTINEL, id));
    return this.#out.until((frame) => idOf(frame) === id, DEADLINE_MS);
  }
}

export function streamOfServer(server: string | undefined): number | undefined {
  return server === undefined ? undefined : Number(server.split(".")[2]);
}
