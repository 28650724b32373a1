import { setTimeout as sleep } from "node:timers/promises";
import {
  filePathOf,
  insecureTokens,
  kernelMechanism,
  memifMechanism,
  newConnection,
  NsmClient,
  PARAMETER,
  type ChainElement,
  type Connection,
} from "@networkservicemesh/sdk-ts";
import { Namespace } from "../../../src/kernel/namespace.ts";
import { MemifSlave } from "../../../src/memif/index.ts";

export interface FleetOptions {
  /** Of the manager. */
  readonly url: string;
  readonly service: string;
  /** Clients of a lower number ask for KERNEL and have a namespace; the others for MEMIF. */
  readonly kernel: number;
  readonly lifetimeMs: number;
  /** Of clients that will crash: when they are given up follows from it. */
  readonly mortalLifetimeMs: number;
}

/** What a client of the fleet has. */
interface Member {
  readonly client: NsmClient;
  readonly abandon: () => void;
  readonly namespace: Namespace | undefined;
  readonly mortal: boolean;
  link: MemifSlave | undefined;
  connection: Connection | undefined;
}

/** How the fleet is. */
export interface FleetState {
  readonly connected: number;
  readonly linksUp: number;
  /** Addresses, each once. */
  readonly addresses: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** The last few failures, as text. */
  readonly failures: readonly string[];
}

const KEPT_FAILURES = 20;
/** Requests under way at a time. */
const AT_ONCE = 48;
/** A machine that is busy with other things is no fault of the mesh; who asks goes on asking, as an agent does. */
const ATTEMPTS = 5;
const RETRY_MS = 500;
const TIMEOUT_MS = 60_000;

/** Many NSM clients in one process. The MEMIF ones connect to the socket that they are given, as a network function would. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #members = new Map<number, Member>();
  readonly #counts: Record<string, number> = {};
  readonly #failures: string[] = [];
  #made = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Connects those that are not connected. @throws the first failure, when all are through */
  connect(numbers: readonly number[], mortal = false): Promise<void> {
    return inTurns(numbers, async (number) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#connect(number, mortal);
        } catch (error) {
          if (attempt >= ATTEMPTS) throw error;
          await sleep(RETRY_MS * attempt);
        }
      }
    });
  }

  /** Closes their connections, as who leaves. */
  leave(numbers: readonly number[]): Promise<void> {
    return inTurns(numbers, async (number) => {
      const member = this.#take(number);
      if (member === undefined) return;
      this.#count("leave");
      await member.client.shutdown();
      this.#release(member);
    });
  }

  /** They are gone without a word: no Close, no refresh, no link. */
  crash(numbers: readonly number[]): void {
    for (const number of numbers) {
      const member = this.#take(number);
      if (member === undefined) continue;
      this.#count("crash");
      member.abandon();
      this.#release(member);
    }
  }

  /** A Request of a connection that is there. */
  again(numbers: readonly number[]): Promise<void> {
    return inTurns(numbers, async (number) => {
      const member = this.#members.get(number);
      if (member?.connection === undefined) return;
      this.#count("again");
      member.connection = await member.client.request({ connection: member.connection });
    });
  }

  state(): FleetState {
    const members = [...this.#members.values()];
    return {
      connected: members.filter(({ connection }) => connection !== undefined).length,
      linksUp: members.filter(({ link }) => link?.state === "connected").length,
      addresses: members.flatMap(({ connection }) => connection?.context?.ipContext?.srcIpAddrs ?? []),
      counts: { ...this.#counts },
      failures: [...this.#failures],
    };
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  #take(number: number): Member | undefined {
    const member = this.#members.get(number);
    this.#members.delete(number);
    return member;
  }

  #release({ link, namespace }: Member): void {
    link?.stop();
    namespace?.close();
  }

  async #connect(number: number, mortal: boolean): Promise<void> {
    if (this.#members.has(number)) return;
    this.#count("connect");
    const member = await this.#create(number, mortal);
    this.#members.set(number, member);
    const { namespace, client } = member;
    const mechanism =
      namespace === undefined
        ? memifMechanism()
        : kernelMechanism("nsm0", `/proc/${process.pid}/fd/${namespace.netns.fd}`);
    try {
      member.connection = await client.request({
        connection: newConnection({ networkService: this.#options.service, labels: { app: "soak" } }),
        mechanismPreferences: [mechanism],
      });
    } catch (error) {
      this.#note(`failed ${number}`, error);
      this.#members.delete(number);
      await client.shutdown();
      this.#release(member);
      throw error;
    }
  }

  async #create(number: number, mortal: boolean): Promise<Member> {
    const { url, kernel, lifetimeMs, mortalLifetimeMs } = this.#options;
    const namespace = number < kernel ? await Namespace.create(`client ${number}`) : undefined;
    // A client that comes again is another one, as a pod is.
    const name = `soak-${number}-${++this.#made}`;
    const tokens = insecureTokens(`spiffe://soak/${name}`, mortal ? mortalLifetimeMs : lifetimeMs);
    const member: { link: MemifSlave | undefined; connection: Connection | undefined } = {
      link: undefined,
      connection: undefined,
    };
    const onError = (error: unknown) => this.#note(`refresh ${name}`, error);
    const onEvent = ({ type, error }: { readonly type: string; readonly error?: unknown }) =>
      this.#note(`${type} ${name}`, error ?? "");
    const client = new NsmClient({
      ...{ name, url, tokens, requestTimeoutMs: TIMEOUT_MS, dialTimeoutMs: TIMEOUT_MS },
      ...{ refresh: { onError }, heal: { onEvent } },
      elements: [attach(member)],
    });
    return Object.assign(member, { client, namespace, mortal, abandon: () => client.abandon() });
  }

  #note(what: string, error: unknown): void {
    this.#count(what.split(" ")[0]!);
    this.#failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    this.#failures.splice(0, this.#failures.length - KEPT_FAILURES);
  }
}

/** Connects to the memif socket that the answer names, and to another one where it names another one later. */
function attach(member: { link: MemifSlave | undefined }): ChainElement {
  return (next) => ({
    async request(request, call) {
      const connection = await next.request(request, call);
      const { mechanism } = connection;
      if (mechanism?.type !== "MEMIF") return connection;
      const socketPath = filePathOf(mechanism.parameters[PARAMETER.inodeUrl] ?? "");
      if (socketPath === undefined || member.link?.options.socketPath === socketPath) return connection;
      member.link?.stop();
      member.link = new MemifSlave({ socketPath, id: 0, ringSize: 16, bufferSize: 2048 }, NOTHING);
      member.link.start();
      return connection;
    },
    close: (connection, call) => next.close(connection, call),
  });
}

const NOTHING = { connected: () => undefined, disconnected: () => undefined };

/** All of them, some at a time. @throws the first failure, when all are through */
async function inTurns(numbers: readonly number[], work: (number: number) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  const left = [...numbers];
  const worker = async () => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      await work(number).catch((error: unknown) => failures.push(error));
      await sleep(0);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
}
