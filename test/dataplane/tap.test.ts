import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { createTap, deleteTap, tapOf } from "../../src/dataplane/tap.ts";
import { Namespace } from "../../src/kernel/namespace.ts";
import { openTun } from "../../src/sys/tun.ts";
import { needNamespaces, until } from "../sys/support.ts";
import { ip4, ip46, macOf } from "./support.ts";

/** Why there are no TAP devices here, or undefined. */
function tapMissing(): string | undefined {
  try {
    openTun({ mode: "tap" }).close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("dataplane: TAP interfaces", function () {
  this.timeout(30_000);
  let space: Namespace;
  let dp: Dataplane;

  before(function () {
    needNamespaces(this);
    const missing = tapMissing();
    if (missing === undefined) return;
    console.log(`      skipped: ${missing}`);
    this.skip();
  });

  beforeEach(async () => {
    space = await Namespace.create("tap");
    dp = new Dataplane();
  });

  afterEach(() => {
    dp.close();
    space.close();
  });

  /** The path of the namespace, which VPP's API takes for its name too. */
  const path = (): string => `/proc/${process.pid}/fd/${space.netns.fd}`;

  it("the host's side is set up as asked, and pings through it", async () => {
    const made = await createTap(dp, {
      ...{ id: 7, mac: macOf("02:fe:00:00:00:07"), hostIfName: "inside", hostMac: macOf("02:00:00:00:00:07") },
      ...{ hostNamespace: path(), hostIp4: "10.9.0.2/24", hostIp6: "2001:db8:9::2/64", hostMtu: 1400 },
      ...{ hostIp4Gateway: "10.9.0.1" },
    });
    assert.equal(made.retval, 0, made.cause?.message);
    const iface = dp.interfaces.get(made.swIfIndex)!;
    assert.equal(iface.name, "tap7");
    assert.equal(tapOf(iface)?.hostIfName, "inside");
    const link = await space.link("inside");
    assert.deepEqual([link.mtu, link.mac, link.up], [1400, "02:00:00:00:00:07", true]);
    assert.ok((await space.routes()).some((route) => route.via === "10.9.0.1"));
    dp.setAdminUp(iface.swIfIndex, true);
    dp.addAddress(iface.swIfIndex, ip4("10.9.0.1"), 24);
    dp.addAddress(iface.swIfIndex, ip46("2001:db8:9::1"), 64);
    for (const address of ["10.9.0.1", "2001:db8:9::1"]) {
      const child = space.spawn("ping", ["-c", "3", "-i", "0.2", "-W", "2", "-s", "1300", address], {
        stdio: "ignore",
      });
      await until("the end of ping", () => child.exitCode !== null, 20_000);
      assert.equal(child.exitCode, 0, `ping ${address}`);
    }
    assert.ok(iface.counters.rxPackets >= 6 && iface.counters.txPackets >= 6);
    assert.equal(deleteTap(dp, iface.swIfIndex), 0);
    await assert.rejects(space.link("inside"), "the device is gone");
  });

  it("takes the lowest free id, and refuses what it can't do without a trace", async () => {
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const [first, second] = await Promise.all([
      createTap(dp, { hostNamespace: path() }),
      createTap(dp, { hostNamespace: path() }),
    ]);
    assert.deepEqual([first, second].map(({ swIfIndex }) => dp.interfaces.get(swIfIndex)?.name).sort(), [
      "tap0",
      "tap1",
    ]);
    const before = descriptors();
    for (const [options, retval] of [
      [{ id: 1 }, -71],
      [{ id: 2000 }, -1],
      [{ flags: 16 }, -126],
      [{ hostNamespace: "no-such-namespace" }, -12],
      [{ hostNamespace: path(), hostBridge: "nosuch" }, -145],
      [{ hostNamespace: path(), hostIfName: "a-name-that-is-much-too-long" }, -12],
    ] as const)
      assert.equal((await createTap(dp, options)).retval, retval, JSON.stringify(options));
    assert.equal(dp.interfaces.size, 3);
    assert.equal((await space.links()).filter(({ name }) => name.startsWith("tap")).length, 2);
    assert.equal(descriptors(), before, "no descriptor is left open");
    assert.equal(deleteTap(dp, 0), -2);
    assert.equal(deleteTap(dp, 4242), -2);
  });

  it("bridges with another one", async () => {
    const other = await Namespace.create("tap2");
    try {
      for (const [i, namespace] of [path(), `/proc/${process.pid}/fd/${other.netns.fd}`].entries()) {
        const options = { hostIfName: "inside", hostNamespace: namespace, hostIp4: `10.9.0.${i + 1}/24` };
        const { retval, swIfIndex, cause } = await createTap(dp, options);
        assert.equal(retval, 0, cause?.message);
        dp.setAdminUp(swIfIndex, true);
        dp.bridges.attach(swIfIndex, 1, "normal", 0);
      }
      const child = space.spawn("ping", ["-c", "3", "-i", "0.2", "-W", "2", "10.9.0.2"], { stdio: "ignore" });
      await until("the end of ping", () => child.exitCode !== null, 20_000);
      assert.equal(child.exitCode, 0);
    } finally {
      other.close();
    }
  });
});
