import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MemifSlave, type MemifLink, type Memory } from "../memif/index.ts";
import { setAffinity } from "../sys/affinity.ts";
import { udpFrame } from "./forwarding.ts";

/** Packets between two looks at the rings. */
const BATCH = 256;
const ROOM = 2048;
const TURN_MS = 20;
const SLOT_BYTES = 128;
const ANSWER_MS = 10_000;
const START_MS = 20_000;
/** Packets after which compilers are warm. */
const ENOUGH = 300_000;

export interface MemifPeerData {
  readonly socket: string;
  /** Ids of the interface that is sent to, and of the one that is received from. */
  readonly inId: number;
  readonly outId: number;
  readonly frameBytes: number;
  readonly flows: number;
  readonly cpu: number | undefined;
}

/** What a peer has seen so far, by its own clock. */
export interface MemifPeerCounts {
  readonly sent: number;
  readonly received: number;
  readonly atMs: number;
}

/** A process of our own with two memif slaves: it floods the one and empties the other, until it is killed. */
export class MemifPeer {
  readonly #process: ChildProcess;

  constructor(data: MemifPeerData) {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), "--memif-peer", JSON.stringify(data)];
    this.#process = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  /** @throws Error where it has ended */
  async counts(): Promise<MemifPeerCounts> {
    this.#process.send("counts");
    const [counts] = (await once(this.#process, "message", { signal: AbortSignal.timeout(ANSWER_MS) })) as [
      MemifPeerCounts,
    ];
    return counts;
  }

  /** Waits until packets go all the way. */
  async flowing(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while ((await this.counts()).received < ENOUGH) {
      if (performance.now() > deadline) throw new Error(`nothing came through within ${START_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    this.#process.kill("SIGKILL");
  }
}

/** A frame of every flow, by source port. */
function frames(frameBytes: number, flows: number): Memory {
  const bytes = new Uint8Array(SLOT_BYTES * flows);
  const view = new DataView(bytes.buffer);
  const frame = udpFrame(frameBytes);
  for (let flow = 0; flow < flows; flow += 1) {
    bytes.set(frame, flow * SLOT_BYTES);
    view.setUint16(flow * SLOT_BYTES + 34, 1024 + flow);
  }
  return { bytes, view };
}

function run({ socket, inId, outId, frameBytes, flows, cpu }: MemifPeerData): void {
  if (cpu !== undefined) setAffinity([cpu]);
  const links = new Map<number, MemifLink>();
  for (const id of [inId, outId]) {
    const handlers = {
      connected: (link: MemifLink) => {
        link.wake();
        links.set(id, link);
      },
      disconnected: () => void links.delete(id),
    };
    new MemifSlave({ socketPath: socket, id, bufferSize: ROOM }, handlers).start();
  }
  const source = frames(frameBytes, flows);
  const room = new ArrayBuffer(ROOM);
  const target: Memory = { bytes: new Uint8Array(room), view: new DataView(room) };
  let flow = 0;
  let sent = 0;
  let received = 0;
  process.on("message", () => process.send?.({ sent, received, atMs: performance.now() }));
  const round = (): void => {
    const [to, from] = [links.get(inId)?.transmit[0], links.get(outId)?.receive[0]];
    if (from !== undefined && from.look() > 0) {
      for (let i = 0; i < BATCH && from.read(target, 0, ROOM) !== 0; i += 1) received += 1;
      from.release();
    }
    if (to === undefined) return;
    for (let i = 0; i < BATCH && to.send(source, flow * SLOT_BYTES, frameBytes); i += 1) {
      flow = flow + 1 === flows ? 0 : flow + 1;
      sent += 1;
    }
    to.flush();
  };
  const parent = process.ppid;
  const turn = (): void => {
    const until = performance.now() + (links.size === 2 ? TURN_MS : 0);
    do round();
    while (performance.now() < until);
    if (process.ppid === parent) setImmediate(turn);
  };
  turn();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && process.argv[2] === "--memif-peer") {
  run(JSON.parse(process.argv[3]!) as MemifPeerData);
}
