/** The API server that the manifests are judged by is a genuine one, and says no. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { request } from "node:https";
import { KUBERNETES_VERSION } from "./server.ts";
import { useKubernetes } from "./support.ts";

const FRUIT = "fruits.test.vpplb.io";
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: FRUIT },
  spec: {
    group: "test.vpplb.io",
    scope: "Namespaced",
    names: { kind: "Fruit", plural: "fruits" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", properties: { grams: { type: "integer", maximum: 500 } }, required: ["grams"] },
            },
          },
        },
      },
    ],
  },
};
const fruit = (grams: unknown) =>
  JSON.stringify({ apiVersion: "test.vpplb.io/v1", kind: "Fruit", metadata: { name: "pear" }, spec: { grams } });

describe("kube-apiserver", () => {
  const kubernetes = useKubernetes();

  it("is the release that is pinned, behind TLS and a token", async () => {
    const { kubectl, url, ca, token } = kubernetes();
    const { serverVersion } = await kubectl.json<{ serverVersion: { gitVersion: string } }>(["version"]);
    assert.equal(serverVersion.gitVersion, KUBERNETES_VERSION);
    const status = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        request(`${url}/api/v1/namespaces`, { ca, headers, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .once("error", reject)
          .end();
      });
    assert.equal(await status({ authorization: `Bearer ${token}` }), 200);
    assert.equal(await status({ authorization: "Bearer guess" }), 401);
    assert.equal(await status({}), 403);
  });

  it("keeps what it is given, and refuses what its schema forbids", async () => {
    const { kubectl } = kubernetes();
    await kubectl.must(["apply", "-f", "-"], JSON.stringify(definition));
    await kubectl.must(["wait", "--for=condition=Established", `crd/${FRUIT}`, "--timeout=20s"]);
    await kubectl.must(["apply", "-f", "-"], fruit(180));
    const kept = await kubectl.json<{ spec: { grams: number } }>(["get", "fruit", "pear"]);
    assert.equal(kept.spec.grams, 180);
    for (const grams of [501, "many", undefined]) {
      const { code, stderr } = await kubectl.run(["apply", "-f", "-"], fruit(grams));
      assert.notEqual(code, 0);
      assert.match(stderr, /invalid|Required|Invalid/);
    }
    await kubectl.must(["delete", "crd", FRUIT, "--wait=false"]);
  });

  it("leaves nothing behind", async () => {
    const { kubeconfig, stop, url } = kubernetes();
    assert.ok(existsSync(kubeconfig));
    await stop();
    assert.ok(!existsSync(dirname(kubeconfig)));
    await assert.rejects(fetch(url), TypeError);
  });
});
