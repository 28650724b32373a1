/**
 * What goes over the wire, compatible with ctraffic (Nordix/ctraffic cmd/ctraffic/main.go): packets of at least 64
 * bytes; the server writes its name, ended by NUL, into the first 64 bytes that it receives and echoes the rest.
 * Over UDP it does so in every datagram. Whoever sends nothing (`nc VIP 5001 < /dev/null`) gets the name as a line.
 */

/** Bytes that hold the server's name; also the smallest packet. */
export const NAME_BYTES = 64;
/** Room for id and sequence number behind the name. */
const SEQUENCE_OFFSET = NAME_BYTES + 4;
export const MAX_PACKET_BYTES = 65_507;

/** A name as it is written into the first bytes: UTF-8, cut at a character to leave one NUL. */
export function nameBlock(name: string): Buffer {
  const block = Buffer.alloc(NAME_BYTES);
  // Buffer.write never writes a part of a character.
  block.write(name, 0, NAME_BYTES - 1, "utf8");
  return block;
}

/** The name in an answer; undefined where the server left none (a plain echo server). */
export function nameIn(packet: Uint8Array): string | undefined {
  const end = packet.indexOf(0);
  if (end <= 0 || end >= NAME_BYTES) return undefined;
  return Buffer.from(packet.buffer, packet.byteOffset, end).toString("utf8");
}

/** A packet of a client: no name, then connection id, sequence number and a pattern that shows damage. */
export function makePacket(size: number, id: number, sequence: number): Buffer {
  const packet = Buffer.alloc(size);
  for (let i = NAME_BYTES; i < size; i++) packet[i] = (i * 31 + id + sequence) & 0xff;
  if (size >= SEQUENCE_OFFSET + 4) {
    packet.writeUInt32BE(id >>> 0, NAME_BYTES);
    packet.writeUInt32BE(sequence >>> 0, SEQUENCE_OFFSET);
  }
  return packet;
}

/** True if everything behind the name came back as it was sent. */
export function isEchoOf(sent: Buffer, answer: Buffer): boolean {
  return answer.length === sent.length && answer.subarray(NAME_BYTES).equals(sent.subarray(NAME_BYTES));
}

/** True for a whole echo of what another connection has sent: the answer to whoever had this port before, come late. */
export function isEchoOfAnother(sent: Buffer, answer: Buffer): boolean {
  const sequence = sequenceIn(answer);
  if (sequence === undefined || sequenceIn(sent) === undefined) return false;
  const id = answer.readUInt32BE(NAME_BYTES);
  return id !== sent.readUInt32BE(NAME_BYTES) && isEchoOf(makePacket(answer.length, id, sequence), answer);
}

/** Sequence number of an answer; undefined where packets are too small to carry one. */
export function sequenceIn(packet: Buffer): number | undefined {
  return packet.length >= SEQUENCE_OFFSET + 4 ? packet.readUInt32BE(SEQUENCE_OFFSET) : undefined;
}
