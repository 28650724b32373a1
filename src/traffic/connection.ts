import type { FlowSource, FlowTuple } from "./flows.ts";
import type { ConnectionRecord, ConnectionState } from "./record.ts";

export interface ConnectionOptions {
  readonly id: number;
  readonly target: { readonly address: string; readonly port: number };
  readonly source: FlowSource;
  readonly netns: number | undefined;
  /** Bytes, NAME_BYTES or more. */
  readonly packetSize: number;
  /** One exchange, then closed by us; else it stays open. */
  readonly once: boolean;
  readonly connectTimeoutMs: number;
  readonly answerTimeoutMs: number;
  /** UDP, once: an unanswered packet is sent again so often, evenly over the answer's timeout. */
  readonly retransmits: number;
  /** How TCP connections are closed by us: a reset leaves no TIME_WAIT, so that the flow can be had again at once. */
  readonly close: "reset" | "fin";
  /** Milliseconds since the report's start. */
  readonly now: () => number;
  /** Called when it has become open, ended or broken. */
  readonly onState: (connection: Connection) => void;
}

/** A client's connection: what is common to TCP and UDP. Owns its socket and timers; every way out ends in `finish`. */
export abstract class Connection {
  readonly id: number;
  protected readonly options: ConnectionOptions;
  protected state: ConnectionState = "opening";
  protected host: string | undefined;
  protected flow: FlowTuple;
  protected sequence = 0;
  /** When the packet was sent that has not been answered. */
  protected waitingSinceMs: number | undefined;
  readonly #startedMs: number;
  #connectedMs: number | undefined;
  #endedMs: number | undefined;
  #err: string | undefined;
  #longestGapMs = 0;
  #stepGapMs = 0;
  #stepSinceMs = 0;
  readonly #sums = {
    sent: 0,
    received: 0,
    dropped: 0,
    retransmits: 0,
    bytesSent: 0,
    bytesReceived: 0,
    serverChanges: 0,
  };

  constructor(options: ConnectionOptions, protocol: "tcp" | "udp") {
    this.id = options.id;
    this.options = options;
    this.#startedMs = options.now();
    const { target, source } = options;
    this.flow = {
      src: source.address ?? (target.address.includes(":") ? "::" : "0.0.0.0"),
      dst: target.address,
      protocol,
      srcPort: source.port ?? 0,
      dstPort: target.port,
    };
  }

  /** Opens the socket; never throws, a failure is a broken connection. */
  abstract start(): void;
  protected abstract sendPacket(): void;
  /** Releases socket and timers; `clean` is false for a broken connection. */
  protected abstract release(clean: boolean): void;

  get currentState(): ConnectionState {
    return this.state;
  }

  get server(): string | undefined {
    return this.host;
  }

  /** The next packet is due: sent, unless the one before is unanswered (counted as dropped). */
  due(): void {
    if (this.state !== "open") return;
    const waited = this.#waitedMs();
    if (waited > this.options.answerTimeoutMs) this.finish("ETIMEDOUT");
    else if (this.mayOverlap() || this.waitingSinceMs === undefined) this.sendPacket();
    else this.#sums.dropped += 1;
  }

  /** Ends it well. */
  stop(): void {
    if (this.state === "open") this.finish();
    else if (this.state === "opening") this.finish("ECANCELED");
  }

  /** The longest wait since the last call of `newStep`. */
  stepGapMs(): number {
    return Math.max(this.#stepGapMs, this.#waitedMs(this.#stepSinceMs));
  }

  newStep(): void {
    this.#stepGapMs = 0;
    this.#stepSinceMs = this.options.now();
  }

  record(): ConnectionRecord {
    return {
      id: this.id,
      flow: this.flow,
      state: this.state,
      ...(this.host === undefined ? {} : { host: this.host }),
      startedMs: this.#startedMs,
      ...(this.#connectedMs === undefined ? {} : { connectedMs: this.#connectedMs }),
      ...(this.#endedMs === undefined ? {} : { endedMs: this.#endedMs }),
      ...(this.#err === undefined ? {} : { err: this.#err }),
      ...this.#sums,
      breaks: this.state === "broken" ? 1 : 0,
      longestGapMs: Math.max(this.#longestGapMs, this.#waitedMs()),
    };
  }

  /** Whether a packet may go out while one is unanswered (UDP: a lost one must not end the stream). */
  protected mayOverlap(): boolean {
    return false;
  }

  protected noteConnected(): void {
    this.#connectedMs ??= this.options.now();
  }

  protected noteSent(bytes: number, again = false): void {
    this.#sums.sent += 1;
    this.#sums.bytesSent += bytes;
    if (again) this.#sums.retransmits += 1;
    this.waitingSinceMs ??= this.options.now();
  }

  /** Any bytes of an answer end the wait; `whole` counts the packet. */
  protected noteReceived(bytes: number, whole: boolean): void {
    this.#sums.bytesReceived += bytes;
    if (whole) this.#sums.received += 1;
    const now = this.options.now();
    if (this.waitingSinceMs !== undefined) {
      this.#longestGapMs = Math.max(this.#longestGapMs, now - this.waitingSinceMs);
      this.#stepGapMs = Math.max(this.#stepGapMs, this.#waitedMs(this.#stepSinceMs));
    }
    this.waitingSinceMs = whole ? undefined : now;
  }

  protected noteServer(name: string | undefined): void {
    if (name === undefined) return;
    if (this.host !== undefined && this.host !== name) this.#sums.serverChanges += 1;
    this.host = name;
  }

  protected noteOpen(): void {
    if (this.state !== "opening") return;
    this.state = "open";
    this.options.onState(this);
  }

  /** The only way to an end; the first call counts. */
  protected finish(err?: string): void {
    if (this.state === "ended" || this.state === "broken") return;
    this.#endedMs = this.options.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, this.#waitedMs());
    this.#stepGapMs = this.stepGapMs();
    this.waitingSinceMs = undefined;
    this.#err = err;
    this.state = err === undefined ? "ended" : "broken";
    this.release(err === undefined);
    this.options.onState(this);
  }

  #waitedMs(fromMs = 0): number {
    if (this.waitingSinceMs === undefined) return 0;
    return Math.max(0, this.options.now() - Math.max(fromMs, this.waitingSinceMs));
  }
}
