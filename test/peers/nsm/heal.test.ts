import { insecureTokens, memifMechanism, newConnection, NsmClient } from "@networkservicemesh/sdk-ts";
import { until } from "../../sys/support.ts";
import type { GoMesh } from "./peer.ts";
import { Rest } from "./rest.ts";
import { buildPeers, inGoMesh, TEST_TIMEOUT_MS } from "./setup.ts";

const tokens = insecureTokens("spiffe://test.com/subject");
/** Back-offs of both sides, on a busy machine. */
const HEAL_MS = 40_000;

async function goServices(mesh: GoMesh): Promise<void> {
  await mesh.registry();
  await mesh.manager();
  await mesh.forwarder();
}

describe("the Go implementation of Network Service Mesh: killed and back, or at rest", () => {
  let program: string;
  let rest: Rest | undefined;

  before(async function () {
    program = await buildPeers(this);
    rest = new Rest(program);
    await rest.start();
  });

  after(async function () {
    this.timeout(TEST_TIMEOUT_MS);
    await rest?.end();
  });

  for (const victim of ["nsmgr", "forwarder", "endpoint"]) {
    it(`our client heals when its ${victim} is killed and comes back`, async function () {
      this.timeout(TEST_TIMEOUT_MS);
      await inGoMesh(program, async (mesh) => {
        await goServices(mesh);
        await mesh.endpoint();
        const events: string[] = [];
        const client = new NsmClient({
          ...{ name: "ours", url: mesh.url("nsmgr"), tokens, requestTimeoutMs: 5000 },
          heal: { onEvent: (event) => events.push(event.type) },
        });
        const connection = newConnection({ networkService: "load-balancer" });
        const made = await client.request({ connection, mechanismPreferences: [memifMechanism()] });
        await mesh.restart(victim);
        await until("the loss is seen", () => events.includes("control-plane-down"), HEAL_MS);
        await until("it is healed", () => events.at(-1) === "healed", HEAL_MS);
        await client.request({ connection: made });
        await client.close(made);
        await client.shutdown();
      });
    });
  }

  for (const victim of ["nsmgr", "forwarder", "ours"]) {
    it(`its client at our endpoint heals when ${victim === "ours" ? "that" : `its ${victim}`} is killed and comes back`, async function () {
      this.timeout(TEST_TIMEOUT_MS);
      await inGoMesh(program, async (mesh) => {
        await goServices(mesh);
        let endpoint = await mesh.ourEndpoint();
        const client = mesh.start("go", { role: "client", connect: mesh.url("nsmgr"), hold: true });
        await client.says("connected");
        const requests = () => endpoint.all("request").length;
        const before = victim === "ours" ? 0 : requests();
        const back = await mesh.restart(victim);
        if (victim === "ours") endpoint = back;
        await until("it asks again", () => requests() > before, HEAL_MS);
        const open = () => {
          const last = endpoint.said.filter(({ event }) => event === "request" || event === "close").at(-1);
          return last?.event === "request" ? last : undefined;
        };
        await until("it is connected", () => open() !== undefined, HEAL_MS);
        await client.end();
        await until("it is closed here", () => open() === undefined, HEAL_MS);
      });
    });
  }

  // Last: what it judges took place beside the other cases.
  it("who rests is refreshed over three token lifetimes, has one UP for each Request, and no DOWN", async function () {
    const restS = Number(process.env["VPPLB_NSM_REST_S"] ?? 0);
    this.timeout(TEST_TIMEOUT_MS + 1000 * restS);
    await rest!.verdict(restS);
  });
});
