/** Frames of the packets that flows are tried with. */
import { parseAddress } from "vpp-api-ts/codec";
import { portsOf, type TestPacket } from "./flow-model.ts";

const ETHERNET_BYTES = 14;
const TCP = 6;
const UDP = 17;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
/** Where a later fragment begins, in units of 8 bytes. */
const LATER_OFFSET = 64;

export const MAC = {
  in: "02:fe:00:00:01:01",
  out: "02:fe:00:00:01:02",
  client: "02:00:00:00:01:03",
  server: "02:00:00:00:01:04",
} as const;

function mac(text: string): number[] {
  return text.split(":").map((part) => parseInt(part, 16));
}

export function addressBytes(text: string): Uint8Array {
  const { un } = parseAddress(text);
  return text.includes(":") ? un.ip6 : un.ip4;
}

/** Transport header and data, the last four bytes of which are `id`; checksums are left out, nobody looks at them here. */
function transport(packet: TestPacket, id: number): Uint8Array {
  const bytes = new Uint8Array(packet.shape === "short" ? 4 : 44);
  const view = new DataView(bytes.buffer);
  const [source, destination] = portsOf(packet);
  view.setUint32(bytes.length - 4, id);
  if (packet.shape === "short" || packet.shape === "later-fragment") return bytes;
  if (packet.protocol === TCP || packet.protocol === UDP) {
    view.setUint16(0, source);
    view.setUint16(2, destination);
    if (packet.protocol === UDP) view.setUint16(4, bytes.length);
    else bytes.set([0x50, packet.tcpFlags], 12);
  } else {
    bytes[0] = source;
    bytes[1] = destination;
  }
  return bytes;
}

function fragmentField(packet: TestPacket): number {
  if (packet.shape === "first-fragment") return 0x2000;
  return packet.shape === "later-fragment" ? LATER_OFFSET : 0;
}

function ip4(packet: TestPacket, id: number): Uint8Array {
  const payload = transport(packet, id);
  const options = packet.shape === "options" ? [1, 1, 1, 0] : [];
  const length = 20 + options.length;
  const bytes = new Uint8Array(length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (length / 4);
  view.setUint16(2, bytes.length);
  view.setUint16(4, id);
  view.setUint16(6, fragmentField(packet));
  bytes.set([64, packet.protocol], 8);
  bytes.set(addressBytes(packet.source), 12);
  bytes.set(addressBytes(packet.destination), 16);
  bytes.set(options, 20);
  view.setUint16(10, checksum(bytes.subarray(0, length)));
  bytes.set(payload, length);
  return bytes;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}

function ip6(packet: TestPacket, id: number): Uint8Array {
  const payload = transport(packet, id);
  const extension = extensionOf(packet, id);
  const bytes = new Uint8Array(40 + extension.length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, extension.length + payload.length);
  bytes[6] = packet.shape === "options" ? DESTINATION_OPTIONS : extension.length > 0 ? FRAGMENT : packet.protocol;
  bytes[7] = 64;
  bytes.set(addressBytes(packet.source), 8);
  bytes.set(addressBytes(packet.destination), 24);
  bytes.set(extension, 40);
  bytes.set(payload, 40 + extension.length);
  return bytes;
}

function extensionOf(packet: TestPacket, id: number): Uint8Array {
  if (packet.shape === "options") return Uint8Array.of(packet.protocol, 0, 1, 4, 0, 0, 0, 0);
  if (!packet.shape.endsWith("fragment")) return new Uint8Array();
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  bytes[0] = packet.protocol;
  view.setUint16(2, packet.shape === "first-fragment" ? 1 : LATER_OFFSET << 3);
  view.setUint32(4, id);
  return bytes;
}

/** The packet in a frame for the interface that it comes in by; `id` is in its last four bytes. */
export function frameOf(packet: TestPacket, id: number): Uint8Array {
  const body = packet.family === 4 ? ip4(packet, id) : ip6(packet, id);
  const etherType = packet.family === 4 ? [8, 0] : [0x86, 0xdd];
  return Uint8Array.from([...mac(MAC.in), ...mac(MAC.client), ...etherType, ...body]);
}

/** The id in a frame's last four bytes. */
export function idOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset + frame.length - 4).getUint32(0);
}

/** What came out: the server that a GRE packet goes to, and whether the packet in it is the one that went in. */
export function delivered(frame: Uint8Array): { readonly server: string; readonly inner: Uint8Array } {
  const view = new DataView(frame.buffer, frame.byteOffset + ETHERNET_BYTES, frame.length - ETHERNET_BYTES);
  const server = [16, 17, 18, 19].map((at) => view.getUint8(at)).join(".");
  return { server, inner: frame.subarray(ETHERNET_BYTES + 24) };
}
