import type { Fields, MessageCodec } from "../codec/message.ts";
import { VppError } from "../errors.ts";
import { retvalName } from "../retval.ts";
import type { Waiter } from "./pending.ts";
import { summarize } from "./summary.ts";
import type { RequestEntry } from "./table.ts";

/** VNET_API_ERROR_EAGAIN: a stream has more, from the reply's cursor on. */
const EAGAIN = -165;

function word(b: Uint8Array, at: number): number {
  return (
    ((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)
  );
}

/** `lb_add_del_vip_v2: VALUE_EXIST (-81) for {pfx: ...}` */
export function retvalError(name: string, retval: number, fields: unknown, output?: string): VppError {
  const label = retvalName(retval);
  const text = (output ?? "") === "" ? "" : `: ${output}`;
  return new VppError("RETVAL", `${name}: ${label} (${retval})${text} for ${summarize(fields)}`, {
    messageName: name,
    retval,
    retvalName: label,
    ...(output === undefined ? {} : { output }),
  });
}

/** @returns the retval where the reply has one and it says that the request failed; its other fields are not read */
function failedRetval(codec: MessageCodec, b: Uint8Array, start: number, end: number): number | undefined {
  const offset = codec.retvalOffset;
  if (offset === undefined || start + offset + 4 > end) return undefined;
  const retval = word(b, start + offset);
  return retval < 0 ? retval : undefined;
}

function resultOf(error: VppError): string {
  return error.retvalName ?? error.code;
}

/** Waits for one reply. */
export class ReplyWaiter implements Waiter {
  readonly entry: RequestEntry;
  readonly fields: Readonly<Fields>;
  deadlineMs: number;
  readonly timeoutMs: number;
  sent = false;
  /** Set where there is a signal: takes the listener off. */
  release: (() => void) | undefined;
  /** Set where somebody counts: hears what came of it. */
  ended: ((result: string) => void) | undefined;
  readonly #resolve: (reply: Fields) => void;
  readonly #reject: (error: VppError) => void;
  /** cli_inband: its text says what went wrong, and is set whatever the retval. */
  readonly #readFailed: boolean;

  constructor(
    entry: RequestEntry,
    fields: Readonly<Fields>,
    timing: { nowMs: number; timeoutMs: number; readFailed: boolean },
    resolve: (reply: Fields) => void,
    reject: (error: VppError) => void,
  ) {
    this.entry = entry;
    this.fields = fields;
    this.timeoutMs = timing.timeoutMs;
    this.deadlineMs = timing.nowMs + timing.timeoutMs;
    this.#readFailed = timing.readFailed;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get name(): string {
    return this.entry.name;
  }

  receive(codec: MessageCodec, b: Uint8Array, start: number, end: number): boolean {
    if (codec.name !== this.entry.reply.name) return false;
    const retval = failedRetval(codec, b, start, end);
    if (retval !== undefined && !this.#readFailed) {
      this.fail(retvalError(this.name, retval, this.fields));
      return true;
    }
    const reply = codec.decodeAt(b, start, end);
    this.release?.();
    this.ended?.(retval === undefined ? "ok" : retvalName(retval));
    this.#resolve(reply);
    return true;
  }

  fail(error: VppError): void {
    this.release?.();
    this.ended?.(resultOf(error));
    this.#reject(error);
  }
}

/** What a dump hands its messages to. */
export interface DumpSink {
  next(details: Fields): void;
  /** Ended; a stream tells the cursor to go on from. */
  done(cursor: unknown): void;
  fail(error: VppError): void;
}

/** Waits for the details of a dump or stream, then for what ends it. */
export class DumpWaiter implements Waiter {
  readonly entry: RequestEntry;
  readonly fields: Readonly<Fields>;
  deadlineMs: number;
  readonly timeoutMs: number;
  sent = false;
  release: (() => void) | undefined;
  /** Set where somebody counts: hears what came of it. */
  ended: ((result: string) => void) | undefined;
  readonly #sink: DumpSink;

  constructor(
    entry: RequestEntry,
    fields: Readonly<Fields>,
    timing: { nowMs: number; timeoutMs: number },
    sink: DumpSink,
  ) {
    this.entry = entry;
    this.fields = fields;
    this.timeoutMs = timing.timeoutMs;
    this.deadlineMs = timing.nowMs + timing.timeoutMs;
    this.#sink = sink;
  }

  get name(): string {
    return this.entry.name;
  }

  receive(codec: MessageCodec, b: Uint8Array, start: number, end: number): boolean {
    if (codec.name === this.entry.details?.name) {
      this.#sink.next(codec.decodeAt(b, start, end));
      return false;
    }
    // The end, or a refusal: some dumps answer `x_dump_reply` with a retval first.
    const retval = failedRetval(codec, b, start, end);
    if (codec.name !== this.entry.reply.name) {
      if (retval === undefined) return false;
      this.fail(retvalError(this.name, retval, this.fields));
      return true;
    }
    if (retval === EAGAIN) this.#finish(codec.decodeAt(b, start, end)["cursor"]);
    else if (retval !== undefined) this.fail(retvalError(this.name, retval, this.fields));
    else this.#finish(undefined);
    return true;
  }

  #finish(cursor: unknown): void {
    this.release?.();
    this.ended?.("ok");
    this.#sink.done(cursor);
  }

  fail(error: VppError): void {
    this.release?.();
    this.ended?.(resultOf(error));
    this.#sink.fail(error);
  }
}
