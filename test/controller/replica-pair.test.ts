import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControllerApi, ControllerStatus } from "../../src/controller/index.ts";
import { runController } from "../../src/roles/controller.ts";
import { vpplb } from "../cli/vpplb.ts";
import { until } from "./support.ts";
import { EMBEDDED, startVpp, type TestVpp } from "./vpp.ts";

interface Pool {
  readonly servers: string;
  readonly tableSize?: number;
  /** Further keys of `lb`. */
  readonly lb?: string;
}

const SAME: Pool = { servers: "10.60.1.2, { address: 10.60.1.3, weight: 50 }" };

/** A controller of a dataplane of its own, with all its sockets. */
class Replica {
  readonly #stop = new AbortController();
  readonly #others: () => readonly string[];
  readonly vpp: TestVpp;
  readonly control: string;
  #running: Promise<void> | undefined;
  #api: ControllerApi | undefined;
  at = "";

  private constructor(vpp: TestVpp, others: () => readonly string[]) {
    this.vpp = vpp;
    this.control = join(vpp.directory, "control.sock");
    this.#others = others;
  }

  static async start(vpp: TestVpp, others: () => readonly string[]): Promise<Replica> {
    const replica = new Replica(vpp, others);
    replica.write(SAME);
    replica.#running = runController(
      {
        file: join(vpp.directory, "lb.yaml"),
        api: vpp.socket,
        control: replica.control,
        journal: join(vpp.directory, "journal.json"),
        http: "127.0.0.1:0",
        ready: (api, http = "") => {
          replica.#api = api;
          replica.at = `http://${http}`;
        },
      },
      replica.#stop.signal,
    );
    await until("the controller is ready", () => replica.#api !== undefined);
    return replica;
  }

  get status(): ControllerStatus {
    return this.#api!.status();
  }

  get digests(): string {
    return new URL("/digests", this.at).href;
  }

  write({ servers, tableSize = 1024, lb = "" }: Pool): void {
    const text = [
      `lb: { ip4Source: 10.60.1.1${lb} }`,
      `replicas: { urls: ${JSON.stringify(this.#others())}, periodMs: 1000 }`,
      "repair: { periodMs: 1000 }",
      "vips:",
      `  - { prefix: 10.2.2.0/24, encap: gre4, tableSize: ${tableSize}, servers: [${servers}] }`,
      "  - { prefix: 10.2.4.0/24, encap: gre4, servers: [10.60.1.9] }",
    ];
    writeFileSync(join(this.vpp.directory, "lb.yaml"), `${text.join("\n")}\n`);
  }

  async metrics(): Promise<string> {
    return (await fetch(new URL("/metrics", this.at))).text();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.vpp.close();
  }
}

/** The second is the embedded dataplane always: beside a VPP that has weights, the two are of mixed versions. */
describe("controller: two whole controllers of the same VIPs", function () {
  this.timeout(120_000);
  let one: Replica;
  let other: Replica;

  before(async () => {
    other = await Replica.start(await startVpp(EMBEDDED), () => []);
    one = await Replica.start(await startVpp(), () => [other.digests]);
  });
  after(async () => {
    await one?.close();
    await other?.close();
  });

  const replica = () => one.status.replicas[0];
  const mixed = () => one.status.tables[0]!.algorithm !== other.status.tables[0]!.algorithm;
  const agree = () =>
    until(
      "they agree",
      () =>
        [one, other].every(({ status }) => status.sync.state === "in-sync" && status.tables.length === 2) &&
        replica()?.state === "agrees",
      () => [one.status.replicas, other.status.tables],
    );
  const differ = (reason: RegExp) =>
    until(
      `they differ: ${reason}`,
      () => replica()?.disagreements.some((found) => reason.test(found.reasons.join())) === true,
      replica,
    );
  const both = (pool: Pool) => [one, other].forEach((each) => each.write(pool));
  const compare = (source: string) =>
    vpplb(["--control", one.control, "status", "--exit-code", "--compare", source], { deadlineMs: 30_000 });

  it("with `lb.weights: equal` agree, whatever versions their VPPs are", async () => {
    both({ ...SAME, lb: ", weights: equal" });
    await agree();
    assert.deepEqual(
      one.status.tables.find(({ vip }) => vip === "10.2.2.0/24")!.servers.map(({ weight }) => weight),
      [1, 1],
    );
  });

  it("with weights of their own agree where both VPPs have them, or neither", async () => {
    both(SAME);
    if (mixed()) await differ(/algorithm weighted, the other plain.*lb\.weights to equal/);
    else await agree();
  });

  for (const [what, pool, reason] of [
    ["another server", { servers: "10.60.1.2, 10.60.1.4" }, /servers that only the other has: 10\.60\.1\.4/],
    ["a server less", { servers: "10.60.1.2" }, /servers that the other has not: 10\.60\.1\.3/],
    ["another size", { servers: "10.60.1.2, 10.60.1.3", tableSize: 2048 }, /size 1024, the other 2048/],
  ] as const) {
    it(`tell which VIP differs by ${what}, in status and as a metric, until it does no more`, async () => {
      const equal = { servers: "10.60.1.2, 10.60.1.3", lb: ", weights: equal" };
      both(equal);
      await agree();
      other.write({ ...equal, ...pool });
      await differ(reason);
      assert.equal(replica()!.state, "differs");
      assert.deepEqual(
        replica()!.disagreements.map(({ vip }) => vip),
        ["10.2.2.0/24"],
      );
      const lines = (await one.metrics()).split("\n").filter((line) => line.startsWith("vpplb_replica_disagrees{"));
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.match(lines[0]!, /vip="10\.2\.2\.0\/24"[^}]*\} 1$/);

      const byUrl = await compare(other.digests);
      assert.equal(byUrl.code, 1);
      const said = byUrl.stdout.split("\n").filter((line) => reason.test(line));
      assert.equal(said.length, 2, `once of its own asking, once of --compare: ${byUrl.stdout}`);

      both(equal);
      await agree();
      assert.doesNotMatch(await one.metrics(), /^vpplb_replica_disagrees\{/m);
      assert.equal((await compare(other.digests)).code, 0);
    });
  }

  it("compare with a file of `status --json`, and tell what is no such file", async () => {
    both({ ...SAME, lb: ", weights: equal" });
    await agree();
    const theirs = await vpplb(["--control", other.control, "--json", "status"]);
    const file = join(one.vpp.directory, "theirs.json");
    writeFileSync(file, theirs.stdout);
    assert.equal((await compare(file)).code, 0);
    writeFileSync(file, theirs.stdout.replaceAll("10.60.1.3", "10.60.1.8").replace(/"digest": ?"./g, '"digest":"x'));
    const apart = await compare(file);
    assert.equal(apart.code, 1);
    assert.match(apart.stdout, /10\.2\.2\.0\/24: servers that the other has not: 10\.60\.1\.3; .*10\.60\.1\.8/);
    writeFileSync(file, "{}");
    assert.match((await compare(file)).stdout, /theirs\.json: unreachable/);
  });
});
