/** `show memif` and memif's part of `show hardware-interfaces` (plugins/memif/cli.c, device.c). */
import { MemifMaster, type MemifLink, type Ring } from "../../../memif/index.ts";
import type { MemifInterface } from "../../memif/memif.ts";
import type { MemifSocket } from "../../memif/sockets.ts";
import { left } from "../format.ts";

type Queue = MemifLink["receive"][number] | MemifLink["transmit"][number];

export function socketLines(sockets: readonly MemifSocket[]): string[] {
  const lines = sockets.map(({ id, isListener, references, filename }) => {
    const listener = isListener ? `yes (${references})` : "no";
    return `  ${left(id, 3)} ${left(listener, 11)} ${filename}`;
  });
  return ["sockets", `  ${left("id", 3)} ${left("listener", 11)} filename`, ...lines];
}

/** The first that is a slave's is called slave-to-master, whoever shows it. */
function queueLines(queue: Queue, index: number, isS2m: boolean): string[] {
  const { ring, interruptFd, interrupts } = queue;
  const flags = ring.flags.toString(16).padStart(4, "0");
  return [
    `    ${isS2m ? "slave-to-master" : "master-to-slave"} ring ${index}:`,
    `      region ${ring.regionIndex} offset ${ring.offset} ring-size ${ring.size} int-fd ${interruptFd}`,
    `      head ${ring.head} tail ${ring.tail} flags 0x${flags} interrupts ${interrupts}`,
  ];
}

function hexColumn(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

/** Addresses are those of the region's beginning, which is shown as 0, and of the buffer from there. */
function descriptorLines(ring: Ring): string[] {
  const indent = "  ";
  const lines = [
    `${indent}descriptor table:`,
    `${indent}id    flags region len         address         offset        user address`,
    `${indent}===== ===== ====== ======== ================== ========== ==================`,
  ];
  for (let slot = 0; slot < ring.size; slot += 1) {
    const { flags, region, length, offset } = ring.descriptor(slot);
    lines.push(
      `${indent}${left(slot, 5)} ${left(flags, 5)} ${left(region, 6)} ${left(length, 7)}  ` +
        `${hexColumn(0, 16)} ${left(offset, 10)} ${hexColumn(offset, 16)}`,
    );
  }
  return [...lines, ""];
}

function flagWords({ iface, side, args }: MemifInterface): string[] {
  const isSlave = !(side instanceof MemifMaster);
  return [
    ...(iface.adminUp ? ["admin-up"] : []),
    ...(isSlave ? ["slave"] : []),
    ...(side.state === "connecting" ? ["connecting"] : []),
    ...(side.state === "connected" ? ["connected"] : []),
    ...(isSlave && args.zeroCopy ? ["zero-copy"] : []),
  ];
}

export function memifLines(memif: MemifInterface, withDescriptors: boolean): string[] {
  const { iface, peer, socket, args, side, run, port } = memif;
  const { link } = port;
  const isMaster = side instanceof MemifMaster;
  const lines = [
    `interface ${iface.name}`,
    ...(peer === undefined ? [] : [`  remote-name "${peer.remoteName}"`]),
    ...(peer === undefined ? [] : [`  remote-interface "${peer.remoteInterfaceName}"`]),
    `  socket-id ${socket.id} id ${args.id} mode ethernet`,
    `  flags${flagWords(memif)
      .map((word) => ` ${word}`)
      .join("")}`,
    `  listener-fd ${socket.listener?.fd ?? 0} conn-fd ${Math.max(0, side.controlFd)}`,
    `  num-s2m-rings ${run.s2mRings} num-m2s-rings ${run.m2sRings} buffer-size ${run.bufferSize} ` +
      `num-regions ${link?.regions.length ?? 0}`,
    ...(memif.localReason === undefined ? [] : [`  local-disc-reason "${memif.localReason}"`]),
    ...(memif.remoteReason === undefined ? [] : [`  remote-disc-reason "${memif.remoteReason}"`]),
  ];
  link?.regions.forEach(({ size, fd }, i) => lines.push(`  region ${i} size ${size} fd ${fd}`));
  const show = (queues: readonly Queue[], isS2m: boolean): void =>
    queues.forEach((queue, i) => {
      lines.push(...queueLines(queue, i, isS2m));
      if (withDescriptors) lines.push(...descriptorLines(queue.ring));
    });
  if (link !== undefined) {
    show(link.transmit, !isMaster);
    show(link.receive, isMaster);
  }
  return lines;
}

/** Queues as every interface has them: `undefined` while there is no link. */
export function memifQueueLines({ port }: MemifInterface): string[] {
  const { link } = port;
  if (link === undefined) return [];
  return [
    "  RX Queues:",
    `    ${left("queue", 6)}${left("thread", 15)}${left("mode", 10)}`,
    ...link.receive.map((_, i) => `    ${left(i, 6)}${left("main (0)", 15)}${left("polling", 10)}`),
    "  TX Queues:",
    "    TX Hash: [name: hash-eth-l34 priority: 50 description: Hash ethernet L34 headers]",
    `    ${left("queue", 6)}${left("shared", 7)}${left("thread(s)", 15)}`,
    ...link.transmit.map((_, i) => `    ${left(i, 6)}${left("no", 7)}${i === 0 ? "0" : ""}`),
  ];
}

/** Whatever the role, VPP names the rings as a master would. */
export function memifDeviceLines({ instance, port }: MemifInterface): string[] {
  const { transmit = [], receive = [] } = port.link ?? {};
  return [
    "  MEMIF interface",
    `     instance ${instance}`,
    ...transmit.flatMap(({ packets, noFreeSlots }, i) => [
      `       master-to-slave ring ${i}`,
      `         packets sent: ${packets}`,
      `         no tx slot: ${noFreeSlots}`,
      `         max no tx slot: ${Math.min(1, noFreeSlots)}`,
    ]),
    ...receive.flatMap(({ packets }, i) => [
      `       slave-to-master ring ${i}`,
      `         packets received: ${packets}`,
    ]),
  ];
}
