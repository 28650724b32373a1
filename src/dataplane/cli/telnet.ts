/**
 * The telnet bytes that VPP's CLI socket speaks (src/vlib/unix/cli.c:2949 and :1375): the server asks for the terminal's
 * type and size, the client tells them, and the type `vppctl` means a program, not a person. RFC 854, 1091, 1073.
 */

const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const SB = 250;
const AYT = 246;
const SE = 240;
const ECHO = 1;
const SUPPRESS_GO_AHEAD = 3;
const TTYPE = 24;
const NAWS = 31;
const LINEMODE = 34;

/** What VPP sends as soon as a client connects, byte for byte. */
export const GREETING = Uint8Array.of(
  ...[IAC, WONT, LINEMODE, IAC, DONT, LINEMODE, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, DO, SUPPRESS_GO_AHEAD],
  ...[IAC, WILL, ECHO, IAC, DONT, ECHO, IAC, DO, TTYPE, IAC, SB, TTYPE, 1, IAC, SE],
  ...[IAC, DO, NAWS, IAC, SB, NAWS, 1, IAC, SE],
);

/** Longest option that is looked through for its end (cli.c:65). */
const MAX_OPTION_BYTES = 32;

export type TelnetEvent =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "terminal"; readonly name: string }
  | { readonly kind: "size"; readonly width: number; readonly height: number }
  | { readonly kind: "are-you-there" };

/** Splits a byte stream into data and telnet messages, wherever the chunks are cut. Holds at most 32 bytes back. */
export class TelnetDecoder {
  #held: Uint8Array = new Uint8Array(0);

  /** Events of one chunk in order; a message that is not complete yet waits for the next chunk. */
  *push(chunk: Uint8Array): Generator<TelnetEvent> {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + chunk.length);
      bytes.set(this.#held);
      bytes.set(chunk, this.#held.length);
      this.#held = new Uint8Array(0);
    }
    let start = 0;
    for (let i = 0; i < bytes.length;) {
      if (bytes[i] !== IAC) {
        i += 1;
        continue;
      }
      if (i > start) yield { kind: "data", bytes: bytes.subarray(start, i) };
      const message = readMessage(bytes.subarray(i));
      if (message === "incomplete") {
        this.#held = bytes.slice(i);
        return;
      }
      i += message.length;
      start = i;
      if (message.event !== undefined) yield message.event;
    }
    if (start < bytes.length) yield { kind: "data", bytes: bytes.subarray(start) };
  }
}

interface Message {
  readonly length: number;
  readonly event?: TelnetEvent;
}

function readMessage(bytes: Uint8Array): Message | "incomplete" {
  const command = bytes[1];
  if (command === undefined) return "incomplete";
  if (command >= WILL && command <= DONT) return bytes.length < 3 ? "incomplete" : { length: 3 };
  if (command === AYT) return { length: 2, event: { kind: "are-you-there" } };
  if (command !== SB) return { length: command >= 236 ? 2 : 1 };
  for (let i = 3; i < bytes.length && i < MAX_OPTION_BYTES; i++) {
    if (bytes[i - 1] !== IAC || bytes[i] !== SE) continue;
    const event = readOption(bytes.subarray(2, i - 1));
    return event === undefined ? { length: i + 1 } : { length: i + 1, event };
  }
  return bytes.length >= MAX_OPTION_BYTES ? { length: 2 } : "incomplete";
}

function readOption(option: Uint8Array): TelnetEvent | undefined {
  const view = new DataView(option.buffer, option.byteOffset, option.byteLength);
  if (option[0] === TTYPE && option[1] === 0) {
    return { kind: "terminal", name: Buffer.from(option.subarray(2)).toString("latin1") };
  }
  if (option[0] === NAWS && option.length === 5) {
    return { kind: "size", width: view.getUint16(1), height: view.getUint16(3) };
  }
  return undefined;
}
