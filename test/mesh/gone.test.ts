import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { isLivedIn, namespacesInUse } from "../../src/wiring/in-use.ts";
import { GoneClients } from "../../src/wiring/gone.ts";
import { Links } from "../../src/wiring/links.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { inFolder } from "../nsm/support.ts";
import { addressesOf, endpoint, hasLinks, requestOnce, withNsm, withPods } from "./support.ts";

describe("mesh: a client whose network namespace is nobody's any more", () => {
  /** @returns what was told at the last look, and the look itself */
  async function scene() {
    const links = new Links("forwarder");
    const place = (ino: string, side: "c" | "e") => ({ inode: `4/${ino}`, name: `if${ino}`, side });
    const remove = async () => undefined;
    await links.claim({ id: "a", client: "as1", places: [place("11", "c"), place("1", "e")], remove });
    await links.claim({ id: "b", client: "as2", places: [place("12", "c"), place("2", "e")], remove });
    let inUse: Set<string> | undefined = new Set(["11", "12", "1", "2"]);
    let told: string[] = [];
    const errors: unknown[] = [];
    let nowMs = 0;
    let isVisit = false;
    const gone = new GoneClients(links, {
      onGone: (id, client) => told.push(`${id} ${client}`),
      onError: (error) => errors.push(error),
      now: () => nowMs,
      inUse: () => {
        if (inUse === undefined) throw new Error("EMFILE");
        const found = inUse;
        return { has: (inode) => found.has(inode), isLivedIn: () => !isVisit };
      },
    });
    const look = (...found: string[]) => {
      inUse = new Set(found);
      told = [];
      nowMs += 2500;
      gone.look();
      return told;
    };
    const fail = () => {
      inUse = undefined;
      nowMs += 2500;
      gone.look();
    };
    const back = (ms: number) => (nowMs -= ms);
    const visit = (is: boolean) => void (isVisit = is);
    return { links, look, fail, back, visit, errors };
  }

  it("is told after three looks in a row, until its link is gone; an endpoint's is not", async () => {
    const { links, look } = await scene();
    assert.deepEqual(look("11", "12"), []);
    assert.deepEqual([look("12"), look("12"), look("12"), look("12")], [[], [], ["a as1"], ["a as1"]]);
    links.release("a");
    assert.deepEqual(look("12"), []);
  });

  it("is not told where somebody comes back, where nobody was seen before, where a look fails", async () => {
    const { look, fail, errors } = await scene();
    assert.deepEqual([look("12"), look("12"), look("12"), look("12")], [[], [], [], []], "never seen");
    assert.deepEqual([look("11", "12"), look("12"), look("12"), look("11", "12")], [[], [], [], []], "it came back");
    look("12");
    for (let i = 0; i < 10; i++) fail();
    assert.equal(errors.length, 10);
    assert.deepEqual([look("12"), look("12")], [[], ["a as1"]], "looks that fail do not count");
  });

  it("is not told before its time, however many looks there are", async () => {
    const { look, back } = await scene();
    look("11", "12");
    const quickly = () => {
      back(2400);
      return look("12");
    };
    for (let i = 0; i < 40; i++) assert.deepEqual(quickly(), [], `after ${i / 10} s`);
    assert.deepEqual(look("12"), ["a as1"]);
  });

  it("is not told of a namespace that somebody was in for a moment", async () => {
    const { look, visit } = await scene();
    visit(true);
    look("11", "12");
    visit(false);
    assert.deepEqual([look("12"), look("12"), look("12"), look("12")], [[], [], [], []]);
    look("11", "12");
    assert.deepEqual([look("12"), look("12"), look("12")], [[], [], ["a as1"]], "that time it stayed");
  });

  it("a connection of the same name in another namespace is another", async () => {
    const { links, look } = await scene();
    look("11", "12");
    look("12");
    look("12");
    links.release("a");
    const places = [{ inode: "4/13", name: "if13", side: "c" as const }];
    await links.claim({ id: "a", client: "as1", places, remove: async () => undefined });
    assert.deepEqual([look("12"), look("12"), look("12")], [[], [], []]);
  });

  describe("with vpplb nsm", function () {
    this.timeout(150_000);

    before(function () {
      needNamespaces(this);
    });

    it("its connection is closed at every hop, and its link goes; others stay", async () => {
      await inFolder((folder) =>
        withPods(["lb", "as1", "as2"], async (lb, as1, as2) => {
          await withNsm(folder, ["--service", "load-balancer:ETHERNET"], async (nsm) => {
            const nse = await endpoint(nsm, folder, "lb-1", lb);
            await requestOnce(nsm, "as-1", 600_000, as1!.netns);
            const second = await requestOnce(nsm, "as-2", 600_000, as2!.netns);
            await hasLinks(as1!.namespace, ["nsm0"]);
            assert.equal(nse.chain.monitor.connections.size, 2);
            as1!.close();
            await until("the endpoint's end", () => nse.chain.monitor.connections.size === 1, 60_000);
            await until("the mesh's end", () => nsm.events("mesh-disconnected").length === 1, 60_000);
            const [told] = nsm.events("mesh-client-gone");
            assert.deepEqual([told?.["client"], told?.["level"]], ["as-1", "warn"]);
            const last = second.path!.pathSegments.at(-1)!.id;
            assert.deepEqual([...nse.chain.monitor.connections.keys()], [last]);
            assert.equal((await addressesOf(as2!.namespace, "nsm0")).length, 2);
            assert.equal((await lb!.namespace.links()).filter(({ name }) => name !== "lo").length, 1);
            await nse.close();
          });
        }),
      );
    });

    it("namespaces in use are those of processes; a process that is in one for a moment does not live there", async () => {
      await withPods(["as"], async (as) => {
        const number = /\d+/.exec(readlinkSync(as!.netns))![0];
        assert.equal(isLivedIn(namespacesInUse().get(number) ?? "/proc/0/ns/net"), true);
        assert.equal(isLivedIn(`/proc/${process.pid}/ns/net`), true);
        assert.equal(isLivedIn("/proc/0/ns/net"), false);
        as!.close();
        await until("its end", () => !namespacesInUse().has(number), 30_000);
      });
    });
  });
});
