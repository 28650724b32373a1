/** An echo request as VPP's ping sends it: identifier, sequence, eight bytes of time, then counting bytes. */
const TIME_BYTES = 8;

type Address = number | Uint8Array;

function sum16(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** An IP packet with an ICMP or ICMPv6 echo request of `size` data bytes. */
export function echoRequest(source: Address, target: Address, id: number, sequence: number, size: number): Uint8Array {
  const four = typeof target === "number";
  const header = four ? 20 : 40;
  const packet = new Uint8Array(header + 8 + TIME_BYTES + size);
  const view = new DataView(packet.buffer);
  const icmp = packet.subarray(header);
  icmp[0] = four ? 8 : 128;
  view.setUint16(header + 4, id);
  view.setUint16(header + 6, sequence);
  for (let i = 0; i < size; i++) icmp[8 + TIME_BYTES + i] = i & 255;
  if (four) writeIp4(view, source as number, target, packet.length, sequence);
  else writeIp6(view, packet, source as Uint8Array, target, icmp.length);
  // RFC 4443: an ICMPv6 checksum covers a pseudo-header of addresses, length and next header.
  const pseudo = four ? 0 : sum16(packet.subarray(8, 40), icmp.length + 58);
  view.setUint16(header + 2, ~sum16(icmp, pseudo) & 0xffff);
  return packet;
}

function writeIp4(view: DataView, source: number, target: number, length: number, id: number): void {
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  view.setUint16(4, id);
  view.setUint8(8, 254);
  view.setUint8(9, 1);
  view.setUint32(12, source);
  view.setUint32(16, target);
  view.setUint16(10, ~sum16(new Uint8Array(view.buffer, 0, 20), 0) & 0xffff);
}

function writeIp6(view: DataView, packet: Uint8Array, source: Uint8Array, target: Address, length: number): void {
  view.setUint32(0, 0x60000000);
  view.setUint16(4, length);
  view.setUint8(6, 58);
  view.setUint8(7, 255);
  packet.set(source, 8);
  packet.set(target as Uint8Array, 24);
}
