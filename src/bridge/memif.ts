import { createHash, randomBytes } from "node:crypto";
import type { ExecuteContext } from "./kind.ts";
import { BridgeError } from "./errors.ts";
import { DONE, retvalOf, tolerate, type VppPort } from "./port.ts";
import type { DesiredMemif, DesiredMemifSocket, MemifSpec, ObservedMemif, ObservedMemifSocket } from "./types.ts";
import { number, text } from "./wire.ts";

/** A memif that was begun and not seen to be finished: what VPP has of it is not known. */
export const UNKNOWN_MEMIF = "?";

const PARTS = ["ring size", "buffer size", "rx queues", "tx queues", "zero copy"] as const;

function parts(spec: MemifSpec): string[] {
  return [spec.ringSize, spec.bufferSize, spec.rxQueues, spec.txQueues, Number(spec.zeroCopy)].map(String);
}

function secretDigest(spec: MemifSpec, salt: string): string {
  return createHash("sha256")
    .update(`${salt} ${spec.secret?.reveal() ?? ""}`)
    .digest("base64url")
    .slice(0, 22);
}

/**
 * What is noted in the journal of a memif when it was made: VPP's dump tells sizes only of a connection that is there,
 * and neither queues nor the secret (plugins/memif/memif_api.c, send_memif_details). Of the secret a salted digest.
 */
export function memifNote(spec: MemifSpec, salt: string = randomBytes(9).toString("base64url")): string {
  return [...parts(spec), salt, secretDigest(spec, salt)].join(" ");
}

/** What of the memif that the note is about differs from what is wanted, for people. Without a note: nothing. */
export function memifNoteDiffers(note: string | undefined, wanted: MemifSpec): string[] {
  if (note === undefined) return [];
  const before = note.split(" ");
  const salt = before[PARTS.length];
  const digest = before[PARTS.length + 1];
  if (salt === undefined || digest === undefined) return ["what was begun and not seen to be finished"];
  const now = parts(wanted);
  const changed = PARTS.flatMap((name, at) => (before[at] === now[at] ? [] : [`${name} ${before[at]} -> ${now[at]}`]));
  return secretDigest(wanted, salt) === digest ? changed : [...changed, "the secret"];
}

const ROLES = ["master", "slave"] as const;
const MODES = ["ethernet", "ip", "punt"] as const;
const SYSCALL_ERROR_4 = -14;
const SUBIF_ALREADY_EXISTS = -68;

/** @throws BridgeError, whose message names no secret */
export async function createMemif(
  wanted: DesiredMemif,
  { port }: ExecuteContext,
): Promise<Record<string, unknown> | undefined> {
  const { memif: spec, mac } = wanted;
  const message = port.has("memif_create_v2") ? "memif_create_v2" : "memif_create";
  try {
    return await port.request(message, {
      role: ROLES.indexOf(spec.role),
      mode: MODES.indexOf(spec.mode),
      rx_queues: spec.rxQueues,
      tx_queues: spec.txQueues,
      id: spec.id,
      socket_id: spec.socket,
      ring_size: spec.ringSize,
      buffer_size: spec.bufferSize,
      no_zero_copy: !spec.zeroCopy,
      hw_addr: mac ?? "00:00:00:00:00:00",
      secret: spec.secret?.reveal() ?? "",
    });
  } catch (error) {
    const retval = retvalOf(error);
    if (retval === SUBIF_ALREADY_EXISTS) return undefined;
    const why = retval === undefined ? (error as { code?: string }).code : (WHY[retval] ?? `retval ${retval}`);
    // The request holds the secret: neither the message nor the cause may.
    throw new BridgeError("REPLY", `VPP cannot make ${wanted.name}: ${why ?? "no answer"}`);
  }
}

const WHY: Readonly<Record<number, string>> = {
  [SYSCALL_ERROR_4]:
    "it cannot listen at the socket's filename (does the directory exist, may VPP write there, does another listen there?)",
  [-73]: "it has no such socket: add it to memifSockets",
};

/** Memifs by interface index, with what is known of the other end. */
export async function observeMemifs(port: VppPort): Promise<Map<number, ObservedMemif>> {
  if (!port.has("memif_dump")) return new Map();
  const details = await port.dump("memif_dump", {});
  const shown =
    details.length === 0 ? new Map<string, Peer>() : parseShowMemif(await port.cli("show memif").catch(() => ""));
  return new Map(
    details.map((detail): [number, ObservedMemif] => [
      number(detail["sw_if_index"]),
      {
        socket: number(detail["socket_id"]),
        id: number(detail["id"]),
        role: ROLES[number(detail["role"])] ?? "master",
        mode: MODES[number(detail["mode"])] ?? "punt",
        zeroCopy: detail["zero_copy"] === true,
        ...shown.get(text(detail["if_name"])),
      },
    ]),
  );
}

type Peer = Pick<ObservedMemif, "peer" | "disconnected">;

/** Of `show memif` what its dump does not tell: who the other end is, and why there is none. */
export function parseShowMemif(output: string): Map<string, Peer> {
  const peers = new Map<string, Peer>();
  for (const block of output.split(/^interface /m).slice(1)) {
    const name = /^\S+/.exec(block)?.[0] ?? "";
    const peer = /^ +remote-name "(.*)"/m.exec(block)?.[1];
    const far = /^ +remote-interface "(.*)"/m.exec(block)?.[1];
    const reason = /^ +(?:remote|local)-disc-reason "(.*)"/m.exec(block)?.[1];
    peers.set(name, {
      ...(peer === undefined || peer === "" ? {} : { peer: far === undefined ? peer : `${peer} ${far}` }),
      ...(reason === undefined || reason === "" ? {} : { disconnected: reason }),
    });
  }
  return peers;
}

export async function observeMemifSockets(port: VppPort): Promise<ObservedMemifSocket[]> {
  if (!port.has("memif_socket_filename_dump")) return [];
  const details = await port.dump("memif_socket_filename_dump", {});
  return details
    .map((detail) => ({ id: number(detail["socket_id"]), filename: text(detail["socket_filename"]) }))
    .sort((a, b) => a.id - b.id);
}

/** Adding the same again is 0; deleting what is not there -73. */
export async function runMemifSocket(
  { socket, add }: { readonly socket: DesiredMemifSocket; readonly add: boolean },
  { port }: ExecuteContext,
): Promise<void> {
  const v2 = port.has("memif_socket_filename_add_del_v2");
  const message = v2 ? "memif_socket_filename_add_del_v2" : "memif_socket_filename_add_del";
  const there = (await observeMemifSockets(port)).some((found) => found.id === socket.id);
  if (!add && !there) return;
  await port.request(message, { is_add: add, socket_id: socket.id, socket_filename: socket.filename });
}

export async function deleteMemif(index: number, port: VppPort): Promise<void> {
  await tolerate(port.request("memif_delete", { sw_if_index: index }), DONE.INVALID_SW_IF_INDEX);
}
