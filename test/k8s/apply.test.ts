/** A genuine API server takes the manifests, file by file and as kustomizations, and does not take broken ones. */
import assert from "node:assert/strict";
import { useKubernetes } from "../peers/kubernetes/support.ts";
import { projectRoot } from "../../src/bench/go.ts";
import { readProjectFile } from "./configmaps.ts";
import { FILES, KUSTOMIZATIONS, kustomize, parseObjects, podsOf } from "./objects.ts";

describe("k8s: the API server takes the manifests", () => {
  const kubernetes = useKubernetes();

  before(async function () {
    this.timeout(60_000);
    const { kubectl } = kubernetes();
    await kubectl.must(["create", "namespace", "nsm-system"]);
    await kubectl.must(["apply", "-f", `${projectRoot}test/k8s/networkservices.crd.yaml`]);
    await kubectl.must(["wait", "--for=condition=Established", "crd", "--all", "--timeout=20s"]);
  });

  for (const [flag, names] of [
    ["-f", FILES],
    ["-k", KUSTOMIZATIONS],
  ] as const) {
    for (const name of names) {
      it(`kubectl apply ${flag} ${name}`, async () => {
        const dry = ["apply", "--dry-run=server", "-o", "name", flag, `${projectRoot}${name}`];
        const { code, stdout, stderr } = await kubernetes().kubectl.run(dry);
        assert.equal(code, 0, stderr);
        const wanted = parseObjects(flag === "-f" ? readProjectFile(name) : kustomize(name)).length;
        assert.equal(stdout.trim().split("\n").length, wanted);
        assert.equal(stderr, "", "a warning of the API server");
      });
    }
  }

  const BREAKS: Readonly<Record<string, (text: string) => string>> = {
    "an unknown field": (text) => text.replace("terminationGracePeriodSeconds", "terminationGraceSeconds"),
    "a container without image": (text) => text.replace(/^ +image: vpplb:latest\n/m, ""),
    "a probe of a port that no container has a name for": (text) => text.replace("port: http }", "port: HTTP! }"),
    "a mount without volume": (text) => text.replace("- { name: state, emptyDir: { sizeLimit: 256Mi } }", ""),
    "labels that the selector does not select": (text) =>
      text.replace(/matchLabels: .*(?=\n {2}template)/, "matchLabels: { a: b }"),
  };
  for (const [what, breakIt] of Object.entries(BREAKS)) {
    it(`refuses ${what}`, async () => {
      const text = readProjectFile("k8s/load-balancer.yaml");
      const broken = breakIt(text);
      assert.notEqual(broken, text);
      const { code, stderr } = await kubernetes().kubectl.run(["apply", "--dry-run=server", "-f", "-"], broken);
      assert.notEqual(code, 0);
      assert.match(stderr, /invalid|unknown field|Required|not found/i);
    });
  }

  it("refuses a network service with a match that NSM does not know", async () => {
    const text = readProjectFile("k8s/network-service.yaml").replace("source_selector", "sourceSelector");
    const { code, stderr } = await kubernetes().kubectl.run(["apply", "--dry-run=server", "-f", "-"], text);
    assert.notEqual(code, 0);
    assert.match(stderr, /unknown field/);
  });

  it("applies, keeps, applies again without a change, and deletes", async () => {
    const { kubectl } = kubernetes();
    const files = FILES.flatMap((file) => ["-f", `${projectRoot}${file}`]);
    await kubectl.must(["apply", ...files]);
    for (const how of [files, ["-k", `${projectRoot}k8s`]]) {
      const again = (await kubectl.must(["apply", ...how])).trim().split("\n");
      // kubectl replaces a budget's selector whatever it is, and calls that a change.
      const changed = again.filter((line) => !/ unchanged$|^poddisruptionbudget.* configured$/.test(line));
      assert.deepEqual(changed, [], how.join(" "));
    }

    const { data } = await kubectl.json<{ data: Record<string, string> }>(["get", "configmap", "load-balancer"]);
    assert.equal(data["lb.yaml"], readProjectFile("k8s/config/lb.yaml"));
    assert.equal(data["nsehook.sh"], readProjectFile("scripts/nsehook.sh"));
    const kept = await kubectl.json<Parameters<typeof podsOf>[0][number]>(["get", "deployment", "load-balancer"]);
    const vpp = podsOf([kept])
      .get("load-balancer")
      ?.initContainers?.find(({ name }) => name === "vpp");
    assert.equal(vpp?.restartPolicy, "Always", "VPP is a sidecar: it outlives the agent");
    const { spec } = await kubectl.json<{ spec: object }>(["get", "netsvc", "-n", "nsm-system", "load-balancer"]);
    assert.deepEqual(spec, parseObjects(readProjectFile("k8s/network-service.yaml"))[0]?.spec);

    await kubectl.must(["delete", "--wait=false", ...files]);
    const left = await kubectl.must(["get", "deployments,configmaps,pdb", "-l", "app.kubernetes.io/part-of=vpplb"]);
    assert.equal(left, "");
  });
});
