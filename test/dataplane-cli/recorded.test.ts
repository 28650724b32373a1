import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../src/dataplane/cli/index.ts";
import { Dataplane } from "../../src/dataplane/dataplane.ts";
import { flowHash } from "../../src/maglev/index.ts";
import { recording } from "../recordings.ts";
import { blocks, mask } from "./mask.ts";
import { checksum, SimulatedHosts } from "./simulated.ts";

/** Commands of the recording that are not compared with VPP's output, and why. */
const NOT_COMPARED: readonly (readonly [RegExp, string])[] = [
  [/^show version verbose$/, "names the machine and the compiler"],
  [/^show plugins$/, "VPP lists what was built into it; here is no plugin beside af_packet, arping, lb, ping"],
  [/^show threads$/, "processor and process of the recording"],
  [/^show buffers$/, "VPP's buffer pool; frames live in kernel rings here: unknown input"],
  [/^show memory main-heap$/, "VPP's heap; JavaScript's is shown in the same layout"],
];

/** The one device section of `show hardware-interfaces` that an interface without a kernel device has not. */
const DEVICE_SECTION = /\n {2}(FEATURES|Host Interface Offload):[^]*$/;
/** Nodes whose counters of the recording mean the same here; the others are of VPP's own machinery. */
const COMPARED_COUNTERS = ["l2-output", "l2-input", "l2-flood", "l2-learn", "arp-reply", "ip4-glean"];

const PEERS = {
  vpp1out: { mac: "02:00:00:00:03:01", address: "10.70.0.0" },
  crs1: { mac: "02:00:00:00:02:01", address: "10.60.1.2" },
  crs2: { mac: "02:00:00:00:02:02", address: "10.60.1.3" },
  crs3: { mac: "02:00:00:00:02:03", address: "10.60.1.4" },
};

/** The recorded client's packets: source port, destination port, IP id, UDP checksum. */
const TRACED: readonly Parameters<typeof udp>[] = [
  [32852, 5001, 0x2bdf, 0xdd89],
  [53449, 5002, 0xecf4, 0x8d13],
  [49781, 5003, 0xffac, 0x9b66],
];

function bytesOf(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

function udp(srcPort: number, dstPort: number, id: number, sum: number): Buffer {
  const frame = Buffer.alloc(44);
  frame.set(bytesOf("02:fe:00:00:00:01"), 0);
  frame.set(bytesOf(PEERS.vpp1out.mac), 6);
  frame.writeUInt16BE(0x0800, 12);
  frame.set(Buffer.from("4500001e00004000401100000a4600000a020221", "hex"), 14);
  frame.writeUInt16BE(id, 18);
  frame.writeUInt16BE(checksum(frame.subarray(14, 34)), 24);
  frame.writeUInt16BE(srcPort, 34);
  frame.writeUInt16BE(dstPort, 36);
  frame.writeUInt16BE(10, 38);
  frame.writeUInt16BE(sum, 40);
  return frame;
}

/** A multicast frame, as a kernel sends by itself when a device comes up: the bridge learns its source. */
function announcement(mac: string): Buffer {
  const frame = Buffer.alloc(60);
  frame.set(bytesOf("33:33:00:00:00:16"), 0);
  frame.set(bytesOf(mac), 6);
  frame.writeUInt16BE(0x88cc, 12);
  return frame;
}

class Session {
  /** In the place of the recording's /run/vpp: memif's sockets are real. */
  readonly directory = mkdtempSync(join(tmpdir(), "vpplb-cli-"));
  readonly dp = new Dataplane({ runtimeDirectory: this.directory });
  readonly hosts = new SimulatedHosts(PEERS);

  async run(command: string): Promise<string> {
    const line = command.replaceAll("/run/vpp/", `${this.directory}/`);
    const { output } = await runCli(this.dp, `${line}\n`, { hosts: this.hosts });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    return output.replaceAll(this.directory, "/run/vpp");
  }

  close(): void {
    this.dp.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** What the recorded network did before a command. */
  before(command: string): void {
    if (command === "show int" && this.dp.bridges.fib.entries.size === 1) this.#devicesComeUp();
    if (command === "show trace") this.#clientSends();
  }

  #devicesComeUp(): void {
    for (const n of [1, 2, 3]) {
      const port = this.hosts.ports.get(`crs${n}`);
      port?.receive([announcement(`02:00:00:00:01:0${n}`), announcement(`02:00:00:00:02:0${n}`)]);
    }
  }

  /** Three traced flows, one to each server, and one more to the first two. */
  #clientSends(): void {
    const toServer = (as: number): Buffer => {
      const vip = this.dp.lb.vips.get(1);
      assert.ok(vip !== undefined);
      for (let srcPort = 40000; ; srcPort++) {
        const flow = { src: "10.70.0.0", dst: "10.2.2.33", protocol: "udp", srcPort, dstPort: 5004 } as const;
        const slot = flowHash(flow) & (vip.newFlowTable.length - 1);
        if (vip.newFlowTable[slot] === as) return udp(srcPort, 5004, 1, 0);
      }
    };
    const frames = [...TRACED.map((packet) => udp(...packet)), toServer(1), toServer(2)];
    this.hosts.ports.get("vpp1out")?.receive(frames);
  }
}

/** Rows of `show l2fib` in an order that does not depend on the hash table; of `show errors` only what is compared. */
function arrange(command: string, output: string): string {
  const lines = output.split("\n");
  if (command.startsWith("show l2fib")) {
    const rows = lines.filter((line) => /^ ([0-9a-f]{2}:){5}/.test(line)).sort();
    return [lines[0], ...rows, lines.at(-1)].join("\n");
  }
  if (command === "show errors") {
    const rows = lines.slice(1).filter((line) => COMPARED_COUNTERS.includes(line.slice(10, 45).trim()));
    return [lines[0], ...rows.map((line) => `N${line.slice(10)}`).sort()].join("\n");
  }
  if (command.startsWith("show hardware-interfaces")) return output.replace(DEVICE_SECTION, "");
  if (command === "show memif") return output.replace(/fd \d+/g, "fd N");
  return output.replace(/\n+$/, "");
}

function prepare(command: string, output: string): string {
  return arrange(command, mask(output));
}

describe("recorded vppctl session of VPP 26.06", () => {
  it("gives the recorded text for every command that is supported", async function () {
    this.timeout(60_000);
    const session = blocks(readFileSync(recording(this, "26.06/cli.txt"), "utf8"));
    const ours = new Session();
    const differences: string[] = [];
    let compared = 0;
    try {
      for (const { command, output } of session) {
        ours.before(command);
        const answer = await ours.run(command);
        if (NOT_COMPARED.some(([pattern]) => pattern.test(command))) continue;
        compared += 1;
        const [expected, actual] = [prepare(command, output), prepare(command, answer)];
        if (expected !== actual) differences.push(`# ${command}\n--- VPP\n${expected}\n--- ours\n${actual}`);
      }
    } finally {
      ours.close();
    }
    assert.equal(differences.length, 0, differences.join("\n\n"));
    assert.ok(compared > 75, `only ${compared} commands compared`);
  });

  it("answers what is not supported as VPP answers unknown input", async function () {
    const session = blocks(readFileSync(recording(this, "26.06/cli.txt"), "utf8"));
    const ours = new Session();
    for (const { command } of session.filter((one) => /show buffers/.test(one.command))) {
      assert.match(await ours.run(command), /^(\w+( \w+)*: )?unknown input `.*'\n$/, command);
    }
    ours.close();
  });

  it("notices a difference (negative control)", async () => {
    const ours = new Session();
    const answer = prepare("show int", await ours.run("show int"));
    assert.notEqual(answer, prepare("show int", answer.replace("local0", "local1")));
    ours.close();
  });
});
