import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SETTING } from "../../src/demo/setting.ts";
import { needNetAdmin } from "../kernel/support.ts";
import { SUBJECTS } from "./harness.ts";
import { Pod, SERVERS } from "./pod.ts";

const CHECK = fileURLToPath(new URL("../../scripts/check_load_balancer.sh", import.meta.url));
const VIP = "10.2.2.33";
const OF_LB = "networkservicemesh.io/app=load-balancer";

/** Stands in for kubectl and a cluster's nodes: pods are network namespaces, `exec` enters them. */
const KUBECTL = `#!/bin/sh
case $1 in --*) shift 2 ;; esac
case $1 in
wait) [ "$NOT_READY" = "" ] || { echo "timed out" >&2; exit 1; } ;;
get)
  case "$*" in
  *load-balancer*) pods=pod/load-balancer-0 ;;
  *) pods="pod/as-0
pod/as-1
pod/as-2" ;;
  esac
  echo "$pods" ;;
exec)
  case $2 in
  pod/load-balancer-0) pid=$LB_PID ;;
  pod/as-*) pid=$(echo "$AS_PIDS" | cut -d ' ' -f $(($(echo "$2" | tr -cd 0-9) + 1))) ;;
  esac
  while [ "$1" != -- ]; do shift; done
  shift
  exec nsenter --net=/proc/$pid/ns/net "$@" ;;
esac
`;

for (const subject of SUBJECTS) {
  describe(`check_load_balancer.sh on ${subject.name}`, function () {
    this.timeout(120_000);
    let pod: Pod;

    before(async function () {
      needNetAdmin(this);
      pod = new Pod(subject.vpp);
      await pod.open();
      await pod.hook(["endpoint_started"], { VPPLB_SERVERS: SERVERS.map(({ ip4 }) => ip4).join(",") });
    });
    after(async () => pod?.close());

    function local(...options: string[]) {
      const servers = pod.serverPids.flatMap((pid) => ["--server", `nsenter --net=/proc/${pid}/ns/net`]);
      const all = ["--local", "--vip", VIP, "--vppctl", pod.env["VPPCTL"]!, "--timeout", "3", ...servers, ...options];
      return pod.run(CHECK, all, {}, pod.client);
    }

    it("works: dumps on standard output, each verdict on standard error, status 0", async () => {
      const { status, stdout, stderr } = await local("--connections", "24", "--timeout", "20");
      assert.equal(status, 0, stderr);
      for (const verdict of [
        "VPP answers: vpp v",
        "VPP has 3 servers of a VIP",
        `${VIP} answers ping`,
        `24 of 24 connections to ${VIP} port ${SETTING.port} were answered`,
        "3 hosts answered",
        "encapsulation: gre4",
      ])
        assert.match(stderr, new RegExp(`^ok +${verdict}`, "m"));
      assert.match(stderr, /^ok +VPP balanced \d+ new flows$/m);
      assert.equal(stderr.match(/takes GRE off/g)?.length, 3);
      assert.doesNotMatch(stderr, /FAILED/);
      assert.match(stderr, /The load-balancer works\.$/m);
      assert.match(stdout, /^== show lb vips verbose$/m);
      assert.match(stdout, / +\d+ as1$/m);
    });

    it("in Kubernetes: by pods, from inside the load-balancer's", async () => {
      const kubectl = join(pod.folder, "kubectl");
      writeFileSync(kubectl, KUBECTL);
      chmodSync(kubectl, 0o755);
      const env = {
        PATH: `${pod.folder}:${process.env["PATH"]}`,
        LB_PID: String(pod.pid),
        AS_PIDS: pod.serverPids.join(" "),
      };
      const options = ["--namespace", "lb", "--vip", VIP, "--vppctl", pod.env["VPPCTL"]!, "--connections", "20"];
      const { status, stderr } = await pod.run(CHECK, [...options, "--timeout", "20"], env, pod.client);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^ok +pods networkservicemesh.io\/app=application-server: 3 ready$/m);
      assert.match(stderr, /^ok +pod\/as-2 takes GRE off/m);
      const waiting = await pod.run(CHECK, [...options, "--timeout", "3"], { ...env, NOT_READY: "1" }, pod.client);
      assert.equal(waiting.status, 1);
      assert.match(waiting.stderr, new RegExp(`^FAILED +pods ${OF_LB}: not ready`, "m"));
    });

    // What it is for: each of these is a load-balancer that does not work.
    it("finds one server alone, a server that is not there, no server at all, and no VPP", async () => {
      for (const { ip4 } of SERVERS.slice(1)) await pod.hook(["del_connection", ip4]);
      const alone = await local("--connections", "10");
      assert.equal(alone.status, 1);
      assert.match(alone.stderr, /^FAILED +VPP has 1 servers of a VIP, 2 are wanted$/m);
      assert.match(alone.stderr, /^FAILED +1 hosts answered, 2 are wanted$/m);

      await pod.hook(["new_connection", SERVERS[1]!.ip4]);
      await pod.hook(["new_connection", "10.60.1.99"]);
      const lost = await local("--connections", "20", "--wait", "2");
      assert.equal(lost.status, 1);
      assert.match(lost.stderr, /^ok +VPP has 3 servers of a VIP$/m);
      assert.match(lost.stderr, /^FAILED +\d+ of 20 connections to 10.2.2.33 port 5001 were answered$/m);

      for (const ip4 of [SERVERS[0]!.ip4, SERVERS[1]!.ip4, "10.60.1.99"]) await pod.hook(["del_connection", ip4]);
      const none = await local("--connections", "4", "--timeout", "1", "--wait", "1");
      assert.equal(none.status, 1);
      for (const verdict of [
        "VPP has 0 servers",
        `${VIP} does not answer ping`,
        "0 of 4 connections",
        "0 hosts answered",
      ])
        assert.match(none.stderr, new RegExp(`^FAILED +${verdict}`, "m"));

      await pod.killVpp();
      const gone = await local("--connections", "4", "--timeout", "1", "--wait", "1");
      assert.equal(gone.status, 1);
      assert.match(gone.stderr, /^FAILED +VPP does not answer/m);
      assert.match(gone.stderr, /The load-balancer does not work: \d of the checks failed\.$/m);
    });

    it("tells what it cannot check with: status 2", async () => {
      for (const options of [
        ["--vip", "example.org"],
        ["--vip", "$(reboot)"],
        ["--port", "0"],
        ["--connections", "1"],
        ["--wait", "0"],
        ["--hosts"],
        ["--frobnicate"],
        ["--local", "--vppctl", "/nowhere/vppctl"],
      ]) {
        const { status, stderr } = await pod.run(CHECK, options, {}, pod.client);
        assert.equal(status, 2, stderr);
        assert.match(stderr, /^check_load_balancer: /);
      }
      assert.equal((await pod.run(CHECK, ["--help"], {}, pod.client)).status, 0);
    });
  });
}
