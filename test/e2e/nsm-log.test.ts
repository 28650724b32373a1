import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../../src/demo/processes.ts";
import { NsmLab } from "../../src/demo/nsm/lab.ts";
import { makeNsmTopology, type NsmTopology } from "../../src/demo/nsm/topology.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { inSeenOrder, LifecycleLog, readGolden, withoutRepeats, writeGolden, type Sequence } from "./lifecycle-log.ts";

/** Writes the golden file anew instead of comparing with it; groups are then made by hand. */
const RECORD = process.env["VPPLB_RECORD_GOLDEN"] !== undefined;
const LIFETIME_S = 20;

describe("NSM: the log of a connection's life", function () {
  this.timeout(180_000);
  const seen: Record<string, Sequence> = {};
  const log = new LifecycleLog();
  let signal: AbortSignal;
  let topology: NsmTopology | undefined;
  let lab: NsmLab | undefined;

  const logged = (process: string, event: string, count = 1) =>
    waitFor(`${count} ${event} of ${process}`, () => (log.count(process, event) >= count ? true : undefined), {
      deadlineMs: 60_000,
      signal,
    });

  before(async function () {
    needNetAdmin(this);
    signal = AbortSignal.timeout(170_000);
    topology = await makeNsmTopology({});
    const onLog = (role: string, line: string) => log.take(role, line);
    lab = new NsmLab(topology, { tableSize: 1024, repairMs: 60_000, onLog }, signal);
    await lab.startDataplane();
    lab.writeConfig();
    await lab.startMesh();
    await lab.startEndpoint();
    await lab.inSync();
    await logged("nsm", "mesh-endpoint-registered");
    await logged("nse", "nse-registered");
    log.cut();
    await lives(lab);
    if (RECORD) writeGolden(seen);
  });

  after(async () => {
    await lab?.close();
    await topology?.close();
  });

  /** Each on real processes, one after another. */
  async function lives(lab: NsmLab): Promise<void> {
    await lab.startServer("as1", LIFETIME_S);
    await logged("nse", "nse-server-up");
    await logged("nsm", "mesh-connected");
    seen["connect"] = log.cut();
    await logged("nsm", "mesh-refreshed");
    await logged("nse", "nse-refreshed");
    // The next one is two seconds away.
    seen["refresh"] = log.cut();
    await loseMesh(lab);
    await logged("as1", "nsc-healed");
    await logged("nse", "nse-refreshed");
    await logged("nsm", "mesh-connected");
    await readyAgain("as1");
    seen["heal"] = log.cut();
    await lab.stopServer("as1");
    await logged("nsm", "mesh-disconnected");
    await logged("nse", "nse-closed");
    seen["close"] = log.cut();
    await lab.startServer("as2", 6);
    await logged("nse", "nse-server-up");
    await logged("nsm", "mesh-connected");
    log.cut();
    await lab.crashServer("as2");
    await logged("nsm", "mesh-disconnected");
    await logged("nse", "nse-closed");
    seen["crash"] = log.cut();
  }

  /** What an agent that was not ready meanwhile says of it belongs to that life, not to the next. */
  function readyAgain(process: string): Promise<true> {
    const isReady = () => log.count(process, "nsc-ready") >= log.count(process, "nsc-unready") || undefined;
    return waitFor(`${process} to be ready`, isReady, { deadlineMs: 60_000, signal });
  }

  /** A client that has just refreshed may not listen again yet: it misses the loss, and is right by its next refresh. */
  async function loseMesh(lab: NsmLab): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      // Nothing tells when it listens: longer each time.
      await sleep(700 * attempt);
      log.cut();
      await lab.killMesh();
      const lost = await waitFor("the loss", () => (log.has("as1", "nsc-lost") ? true : undefined), {
        deadlineMs: 1500,
        signal,
      }).catch(() => false);
      await lab.startMesh();
      if (lost || attempt === 4) return;
      await logged("nsm", "mesh-refreshed");
    }
  }

  for (const life of ["connect", "refresh", "heal", "close", "crash"])
    it(`${life}: every process logs what it always does, in that order`, () => {
      const golden = readGolden()[life] ?? {};
      const sequence = seen[life] ?? {};
      assert.deepEqual(Object.keys(sequence).sort(), Object.keys(golden).sort());
      for (const [process, all] of Object.entries(sequence)) {
        const lines = withoutRepeats(life, all);
        assert.deepEqual(lines, inSeenOrder(golden[process] ?? [], lines), `${life} of ${process}`);
      }
    });

  it("a line that is missing, one too many and two the wrong way round are seen (negative control)", () => {
    const [process, lines] = Object.entries(seen["connect"] ?? {}).find(([, all]) => all.length >= 2)!;
    const golden = readGolden()["connect"]![process]!;
    const same = (other: typeof lines) => assert.deepEqual(other, inSeenOrder(golden, other));
    assert.doesNotThrow(() => same(lines));
    assert.throws(() => same(lines.slice(1)));
    assert.throws(() => same([...lines, lines[0]!]));
    assert.throws(() => same([...lines].reverse()));
  });
});
