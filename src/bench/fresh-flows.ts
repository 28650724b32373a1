import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Namespace } from "../kernel/namespace.ts";
import { AF_PACKET, ETH_P_ALL, MSG_DONTWAIT, SOCK_RAW } from "../sys/constants.ts";
import { interfaceIndex } from "../sys/ioctl.ts";
import { libc } from "../sys/libc.ts";
import { mapMemory } from "../sys/mmap.ts";
import { packetAddress } from "../sys/sockaddr.ts";
import { bindSocket, closeFd, openSocket, setBufferSize } from "../sys/sockets.ts";
import { BenchError } from "./errors.ts";
import { openGenerator, sleep, udpFrame } from "./forwarding.ts";

const FRAME_BYTES = 60;
/** Offsets in the frame that is sent; encapsulated, all of it but its Ethernet header is after IPv4 and GRE. */
const AT = { ipChecksum: 24, source: 26, port: 34, sequence: 42 } as const;
const GRE_BYTES = 24;
const OUTER_PROTOCOL = 23;
const OUTER_DESTINATION = 30;
const PROTOCOL_GRE = 47;
const FIRST_SOURCE = 0x0a47_0000;
const PORTS = 32_768;
/** A generator that got no core for a while catches up at this much a turn: bursts that no ring holds are no test. */
const MOST_AT_ONCE = 50;
const LOOK_MS = 1;
const MOST_A_LOOK = 4096;
const LAST_PACKETS_MS = 500;

/** What came out for one server. */
interface Arrivals {
  packets: number;
  firstMs: number;
  lastMs: number;
}

/** What was sent, and what of it did not come out: before `begin` and since. */
export interface Tally {
  readonly sent: number;
  readonly lostBefore: number;
  readonly lostSince: number;
}

/** Packets, each of a flow of its own, through a VIP; and whose servers they leave to, as a capture behind it sees. */
export class FreshFlows {
  readonly #generator: ChildProcess;
  readonly #generatorFd: number;
  readonly #sink: Sink;
  #said = "";
  #beginning = 0;

  /** @param generator has `g`, `sink` has `s` */
  constructor(generator: Namespace, sink: Namespace, packetsPerS: number) {
    this.#sink = new Sink(sink);
    this.#generatorFd = generator.run(openGenerator);
    const args = [...process.execArgv, fileURLToPath(import.meta.url), "--generate", String(packetsPerS)];
    this.#generator = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit", this.#generatorFd] });
    this.#generator.stdout!.on("data", (text) => (this.#said += String(text)));
  }

  /** What is lost from here on counts by itself. */
  begin(): void {
    this.#beginning = this.#sink.highest + 1;
  }

  /** Forgets what it saw of a server, so that the next packet is the first. */
  forget(server: string): void {
    this.#sink.servers.delete(server);
  }

  arrivals(server: string): Readonly<Arrivals> | undefined {
    return this.#sink.servers.get(server);
  }

  /** @throws BenchError PEER after the deadline */
  async until(what: string, holds: () => boolean, deadlineMs = 20_000): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (!holds()) {
      if (performance.now() > endMs) throw new BenchError("PEER", `within ${deadlineMs} ms not: ${what}`);
      await sleep(LOOK_MS);
    }
  }

  /** Ends the generator, waits for what is under way and counts. */
  async finish(): Promise<Tally> {
    const closed = once(this.#generator, "close");
    this.#generator.kill("SIGTERM");
    await closed;
    await sleep(LAST_PACKETS_MS);
    this.#sink.look();
    const sent = Number(this.#said.trim());
    const [lostBefore, lostSince] = [this.#sink.missing(0, this.#beginning), this.#sink.missing(this.#beginning, sent)];
    return { sent, lostBefore, lostSince };
  }

  close(): void {
    this.#generator.kill("SIGKILL");
    closeFd(this.#generatorFd);
    this.#sink.close();
  }
}

/** Each sequence number counts once, so that a packet that came twice does not hide one that was lost. */
class Sink {
  readonly servers = new Map<string, Arrivals>();
  /** Sequence number of the latest packet. */
  highest = -1;
  readonly #seen = new Uint8Array(1 << 24);
  readonly #fd: number;
  readonly #memory = mapMemory(4096);
  readonly #timer: NodeJS.Timeout;

  constructor(space: Namespace) {
    this.#fd = space.run(() => {
      const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
      setBufferSize(fd, "receive", 64 << 20);
      bindSocket(fd, packetAddress(interfaceIndex("s"), ETH_P_ALL), "s");
      return fd;
    });
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  look(): void {
    const { address, view } = this.#memory;
    for (let count = 0; count < MOST_A_LOOK; count++) {
      const length = libc().recv(this.#fd, address, 2048, MSG_DONTWAIT);
      if (length < 0) return;
      const ours = length >= AT.sequence + GRE_BYTES + 4 && view.getUint16(12) === 0x0800;
      if (ours && view.getUint8(OUTER_PROTOCOL) === PROTOCOL_GRE) this.#arrived(view);
    }
  }

  /** How many of these did not come. */
  missing(from: number, to: number): number {
    return this.#seen.subarray(from, to).reduce((count, seen) => count + 1 - seen, 0);
  }

  #arrived(view: DataView): void {
    const sequence = view.getUint32(AT.sequence + GRE_BYTES);
    this.highest = Math.max(this.highest, sequence);
    this.#seen[sequence] = 1;
    const server = [0, 1, 2, 3].map((at) => view.getUint8(OUTER_DESTINATION + at)).join(".");
    const nowMs = performance.now();
    const known = this.servers.get(server);
    if (known === undefined) this.servers.set(server, { packets: 1, firstMs: nowMs, lastMs: nowMs });
    else {
      known.packets += 1;
      known.lastMs = nowMs;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    closeFd(this.#fd);
    this.#memory.close();
  }
}

/** The generator's process: so many a second until SIGTERM or its parent is gone; then it says how many it sent. */
function generate(fd: number, packetsPerS: number): void {
  const memory = mapMemory(4096);
  memory.bytes.set(udpFrame(FRAME_BYTES), 0);
  const parent = process.ppid;
  let sequence = 0;
  let turnedMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const due = Math.min(MOST_AT_ONCE, Math.floor(((nowMs - turnedMs) * packetsPerS) / 1000));
    if (due > 0) turnedMs = nowMs;
    for (let count = 0; count < due; count++) {
      writeFlow(memory.view, sequence);
      if (libc().send(fd, memory.address, FRAME_BYTES, MSG_DONTWAIT) === FRAME_BYTES) sequence += 1;
    }
    if (process.ppid !== parent) process.exit(1);
  }, 1);
  process.once("SIGTERM", () => {
    clearInterval(timer);
    process.stdout.write(`${sequence}\n`);
  });
}

/** A source address and port that no packet had before. */
function writeFlow(view: DataView, sequence: number): void {
  view.setUint32(AT.source, FIRST_SOURCE + Math.floor(sequence / PORTS));
  view.setUint16(AT.port, 1024 + (sequence % PORTS));
  view.setUint32(AT.sequence, sequence);
  view.setUint16(AT.ipChecksum, 0);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >> 16);
  view.setUint16(AT.ipChecksum, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && process.argv[2] === "--generate")
  generate(3, Number(process.argv[3]));
