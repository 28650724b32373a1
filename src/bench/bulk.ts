import { lbQuirks, type VppClient } from "vpp-api-ts";
import { execute, makePlan, observe, observeFeatures, type DesiredState, type VppPort } from "../bridge/index.ts";
import { BenchError } from "./errors.ts";
import { timeFigure, type Figure } from "./figure.ts";
import { milliseconds, takeTurns } from "./rounds.ts";
import type { BenchContext } from "./section.ts";
import { connectToRealVpp } from "./target.ts";

const SERVERS = 1000;
const TABLE_SIZE = 65_536;
/** TEST-NET-1 (RFC 5737): the bench's VIPs, a new one each time. Servers are of 198.18.0.0/15 (RFC 2544). */
const VIP_NETWORK = "192.0.2";
/** One by one takes seconds, and each server costs VPP a new table under its barrier. */
const MOST_ROUNDS = 3;

/** A thousand servers into one VIP: as the controller does it, and one by one over the API. */
export async function benchBulk(context: BenchContext): Promise<Figure[]> {
  const client = await connectToRealVpp(context.vpp, "bench");
  const vips = new BenchVips(client);
  try {
    await vips.refuseOthers();
    const port: VppPort = {
      has: (message) => client.has(message),
      request: (message, fields) => client.requestUntyped(message, fields),
      dump: (message, fields) => client.dumpUntyped(message, fields),
      cli: (line) => client.cli(line),
    };
    const features = await observeFeatures(port);
    const applied: number[] = [];
    const results = await takeTurns(Math.min(context.rounds, MOST_ROUNDS), {
      whole: () =>
        milliseconds(async () => {
          const desired = desiredState(vips.next());
          const plan = makePlan(desired, await observe(port, features));
          applied.push(
            await milliseconds(async () => {
              const run = { port, features, interfaces: new Map<string, number>() };
              for (const operation of plan.operations) await execute(operation.action, run);
            }),
          );
          const left = makePlan(desired, await observe(port, features)).operations.length;
          if (left > 0) throw new Error(`${left} operations are left after the plan`);
        }),
      oneByOne: () => addOneByOne(client, vips.next()),
    });
    const other = { name: "one by one, pipelined", values: results.oneByOne };
    const title = `${SERVERS} servers at ${TABLE_SIZE}`;
    return [
      timeFigure(`${title}, plan applied`, applied.slice(1), other, "<= 50 ms"),
      timeFigure(`${title}, observed, planned, applied, verified`, results.whole, other),
    ];
  } finally {
    await vips.removeAll();
    client.close();
  }
}

function serverAddresses(): string[] {
  return Array.from({ length: SERVERS }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
}

function desiredState(prefix: string): DesiredState {
  const servers = serverAddresses().map((address) => ({ address, weight: 100, state: "up" as const }));
  return {
    bridges: [],
    interfaces: [],
    neighbors: [],
    routes: [],
    vips: [{ prefix, encap: "gre4", tableSize: TABLE_SIZE, srcIpSticky: false, servers }],
    ownership: { tag: "bench" },
  };
}

async function addOneByOne(client: VppClient, prefix: string): Promise<number> {
  const lb = lbQuirks(client);
  const vip = { prefix };
  return milliseconds(async () => {
    await lb.addVip({ ...vip, encap: "gre4", tableSize: TABLE_SIZE });
    await Promise.all(serverAddresses().map((address) => lb.addServer(vip, address, { timeoutMs: 60_000 })));
  });
}

/** Lends VIPs of VPP and takes them back; VPP frees their memory when its garbage collection next runs. */
class BenchVips {
  readonly #client: VppClient;
  readonly #lent: string[] = [];
  #next = 1;

  constructor(client: VppClient) {
    this.#client = client;
  }

  next(): string {
    const prefix = `${VIP_NETWORK}.${this.#next++}/32`;
    this.#lent.push(prefix);
    return prefix;
  }

  /** Every change of servers stops VPP's workers: not where somebody is served. @throws BenchError SKIP */
  async refuseOthers(): Promise<void> {
    const lb = lbQuirks(this.#client);
    const others = (await lb.vips()).filter((vip) => !vip.removed);
    if (others.length > 0) {
      throw new BenchError("SKIP", `this VPP serves ${others.length} VIPs: take one that is there for tests`);
    }
  }

  async removeAll(): Promise<void> {
    const lb = lbQuirks(this.#client);
    for (const prefix of this.#lent) {
      // One that was not made yet when something failed is not there.
      await lb.deleteVip({ prefix }).catch(() => undefined);
    }
  }
}
