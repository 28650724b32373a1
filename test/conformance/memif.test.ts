/**
 * memif between the embedded dataplane and another one: a second embedded dataplane, and a real VPP where
 * `VPPLB_VPP_COMMAND` names one. Behind each is a network namespace: client - dataplane - memif - other - server.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Namespace } from "../../src/kernel/namespace.ts";
import { connectTcp, listenTcp } from "../../src/sys/tcp.ts";
import { BareClient, type Fields } from "./client.ts";
import { namespacesMissing, startEmbedded, startVpp, type Subject } from "./subject.ts";

const VPP_COMMAND = process.env["VPPLB_VPP_COMMAND"];
const DEADLINE_MS = 15_000;
const PORT = 7000;
const TRANSFER_BYTES = 4 << 20;
/** A whole hundred with a real VPP; it is restarted this often besides. */
const DISCONNECTS = 100;
const KILLS = VPP_COMMAND === undefined ? 2 : 4;
const UP = 3;

type Prepare = (space: Namespace) => Promise<void>;
type Role = "master" | "slave";
type Side = "left" | "right";
const NET = { left: "10.1.0", right: "10.2.0" } as const;
const MEMIF = { left: "10.9.0.1", right: "10.9.0.2" } as const;
const MAC = { left: "02:fe:00:00:09:01", right: "02:fe:00:00:09:02" } as const;
const other = (side: Side): Side => (side === "left" ? "right" : "left");

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `${what}: not within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A dataplane with a device towards a namespace and a memif towards the other dataplane. */
class End {
  readonly side: Side;
  readonly role: Role;
  readonly host: Namespace;
  readonly socket: string;
  readonly #start: (prepare: Prepare) => Promise<Subject>;
  subject: Subject | undefined;
  client: BareClient | undefined;
  #memif = 0;
  #starts = 0;

  constructor(side: Side, role: Role, host: Namespace, socket: string, start: typeof startEmbedded) {
    this.side = side;
    this.role = role;
    this.host = host;
    this.socket = socket;
    this.#start = start;
  }

  async start(): Promise<void> {
    const { host, side } = this;
    // The device of a former life goes with its other end, when the kernel gets to it.
    await until("no device", async () => (await host.links()).every((link) => !/^h\d/.test(link.name)));
    const device = `h${(this.#starts += 1)}`;
    this.subject = await this.#start(async (space) => {
      await host.addVeth({ name: device, peer: { name: "d", namespace: space } });
      host.offloadsOff(device, ["tso", "gso", "tx"]);
      await host.addAddress(device, `${NET[side]}.2/24`);
      await host.addRoute({ dst: "10.0.0.0/8", via: `${NET[side]}.1` });
    });
    this.client = await BareClient.connect(this.subject.api);
    const made = await this.#request("af_packet_create_v3", {
      ...{ mode: 1, host_if_name: "d", use_random_hw_addr: true, num_rx_queues: 1, num_tx_queues: 1 },
      ...{ rx_frame_size: 2048, tx_frame_size: 2048, rx_frames_per_block: 4, tx_frames_per_block: 512 },
    });
    await this.#up(Number(made["sw_if_index"]), `${NET[side]}.1/24`);
    await this.#request("memif_socket_filename_add_del_v2", {
      ...{ is_add: true, socket_id: 1, socket_filename: this.socket },
    });
    await this.connect();
  }

  /** Makes the memif and sets it up. */
  async connect(): Promise<void> {
    const { role, side } = this;
    const made = await this.#request("memif_create_v2", {
      ...{ role: role === "master" ? 0 : 1, mode: 0, id: 5, socket_id: 1, ring_size: 256, secret: "geheim" },
      ...{ hw_addr: MAC[side] },
    });
    this.#memif = Number(made["sw_if_index"]);
    await this.#up(this.#memif, `${MEMIF[side]}/24`);
    const away = other(side);
    await this.#cli(`ip route add ${NET[away]}.0/24 via ${MEMIF[away]} memif1/5`);
  }

  /** VPP's slave looks every 3 s for its master, and when it is set up. */
  async hurry(): Promise<void> {
    if (this.role === "master") return;
    for (const flags of [0, 1]) await this.#request("sw_interface_set_flags", { sw_if_index: this.#memif, flags });
  }

  async disconnect(): Promise<void> {
    await this.#cli(`ip route del ${NET[other(this.side)]}.0/24 via ${MEMIF[other(this.side)]} memif1/5`);
    await this.#request("memif_delete", { sw_if_index: this.#memif });
  }

  async isUp(): Promise<boolean> {
    const details = (await this.client!.exchange("memif_dump")).find(({ name }) => name === "memif_details");
    return details?.fields["flags"] === UP;
  }

  async kill(): Promise<void> {
    this.client?.close();
    process.kill(this.subject!.pid, "SIGKILL");
    await this.subject!.stop();
  }

  async stop(): Promise<void> {
    this.client?.close();
    await this.subject?.stop();
  }

  async #up(sw_if_index: number, address: string): Promise<void> {
    await this.#request("sw_interface_set_flags", { sw_if_index, flags: 1 });
    const index = (await this.#interfaces()).get(sw_if_index);
    await this.#cli(`set interface ip address ${index} ${address}`);
  }

  async #interfaces(): Promise<Map<number, string>> {
    const dump = await this.client!.exchange("sw_interface_dump", {
      ...{ sw_if_index: 0xffffffff, name_filter_valid: false, name_filter: "" },
    });
    return new Map(dump.map(({ fields }) => [Number(fields["sw_if_index"]), String(fields["interface_name"])]));
  }

  async #request(name: string, fields: Fields): Promise<Fields> {
    const [reply] = await this.client!.exchange(name, fields);
    assert.equal(reply?.fields["retval"], 0, `${this.side}: ${name}`);
    return reply.fields;
  }

  async #cli(cmd: string): Promise<string> {
    const { retval, reply } = await this.#request("cli_inband", { cmd }).catch((error: unknown) => {
      throw new Error(`${this.side}: ${cmd}`, { cause: error });
    });
    assert.equal(retval, 0);
    return String(reply);
  }

  /** Echo replies that came back; VPP's first packet goes for ARP. */
  async ping(): Promise<number> {
    const text = await this.#cli(`ping ${MEMIF[other(this.side)]} repeat 4 interval 0.1`);
    return Number(/(\d+) received/.exec(text)?.[1] ?? 0);
  }
}

/** Descriptors and memif mappings of a process, and what it has in memory. */
function resourcesOf(pid: number): { fds: number; mappings: number; rssKb: number } {
  const kinds = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
  const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
  return {
    fds: kinds.filter((kind) => /^(socket|anon_inode|\/memfd)/.test(kind)).length,
    mappings: maps.match(/\/memfd:/g)?.length ?? 0,
    rssKb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
  };
}

/** A server that sends everything back. */
async function listen(space: Namespace, address: string): Promise<net.Server> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen({ fd: listenTcp(space.netns, address, PORT) });
  await once(server, "listening");
  return server;
}

/** What a connection of a former life sends again may have asked for the gateway before it was there. */
async function connect(from: Namespace, address: string): Promise<net.Socket> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const socket = connectTcp(from.netns, address, PORT);
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EHOSTUNREACH" || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function transfer(from: Namespace, address: string): Promise<void> {
  const socket = await connect(from, address);
  socket.setTimeout(2 * DEADLINE_MS, () => socket.destroy(new Error(`no answer from ${address}`)));
  const sent = randomBytes(TRANSFER_BYTES);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.end(sent);
  await once(socket, "end");
  assert.equal(Buffer.compare(Buffer.concat(chunks), sent), 0, "what came back is what was sent");
}

class Lab {
  readonly hosts: Record<Side, Namespace>;
  readonly left: End;
  readonly right: End;
  readonly #directory: string;
  #servers: net.Server[] = [];

  private constructor(hosts: Record<Side, Namespace>, role: Role, startOther: typeof startEmbedded) {
    this.#directory = mkdtempSync(join(tmpdir(), "vpplb-memif-"));
    this.hosts = hosts;
    const socket = join(this.#directory, "m.sock");
    this.left = new End("left", role, hosts.left, socket, startEmbedded);
    this.right = new End("right", role === "master" ? "slave" : "master", hosts.right, socket, startOther);
  }

  static async create(role: Role, startOther: typeof startEmbedded): Promise<Lab> {
    const hosts = { left: await Namespace.create("client"), right: await Namespace.create("server") };
    const lab = new Lab(hosts, role, startOther);
    try {
      await Promise.all([lab.left.start(), lab.right.start()]);
      await lab.connected();
      await lab.serve();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  async connected(): Promise<void> {
    await this.left.hurry();
    await this.right.hurry();
    await until("both ends are up", async () => (await this.left.isUp()) && (await this.right.isUp()));
  }

  /** Servers go with their address when a device is made again. */
  async serve(): Promise<void> {
    for (const server of this.#servers) server.close();
    this.#servers = [await listen(this.hosts.left, `${NET.left}.2`), await listen(this.hosts.right, `${NET.right}.2`)];
  }

  async transferBothWays(): Promise<void> {
    await transfer(this.hosts.left, `${NET.right}.2`);
    await transfer(this.hosts.right, `${NET.left}.2`);
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    await this.left.stop();
    await this.right.stop();
    for (const space of Object.values(this.hosts)) space.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const OTHERS: readonly { readonly name: string; readonly start: typeof startEmbedded }[] = [
  { name: "another embedded dataplane", start: startEmbedded },
  ...(VPP_COMMAND === undefined ? [] : [{ name: "VPP", start: (prepare?: Prepare) => startVpp(VPP_COMMAND, prepare) }]),
];

for (const { name, start } of OTHERS) {
  for (const role of ["master", "slave"] as const) {
    describe(`memif, ${role}, to ${name}`, function () {
      this.timeout(300_000);
      let lab: Lab | undefined;

      before(async function () {
        const reason = namespacesMissing();
        if (reason !== undefined) {
          console.log(`      skipped: ${reason}`);
          this.skip();
        }
        if (VPP_COMMAND === undefined) console.log("      VPPLB_VPP_COMMAND is not set: no real VPP at the other end");
        lab = await Lab.create(role, start);
      });
      after(() => lab?.close());

      it("is up at both ends and answers pings both ways", async () => {
        assert.ok((await lab!.left.ping()) >= 3);
        if (start === startEmbedded) assert.ok((await lab!.right.ping()) >= 3);
      });

      it("carries TCP from namespace to namespace, both ways, byte for byte", () => lab!.transferBothWays());

      it(`comes back after ${DISCONNECTS} disconnects by either side, and leaves nothing behind`, async () => {
        const { left, right } = lab!;
        const round = async (end: End): Promise<void> => {
          const peer = end === left ? right : left;
          await end.disconnect();
          await until("the other end is down", async () => !(await peer.isUp()));
          await end.connect();
          await lab!.connected();
        };
        for (let i = 0; i < 10; i += 1) await round(i % 2 === 0 ? left : right);
        const before = resourcesOf(left.subject!.pid);
        for (let i = 10; i < DISCONNECTS; i += 1) await round(i % 2 === 0 ? left : right);
        await until("descriptors and mappings are as before", () => {
          const { fds, mappings } = resourcesOf(left.subject!.pid);
          return fds <= before.fds && mappings <= before.mappings;
        });
        const grownKb = resourcesOf(left.subject!.pid).rssKb - before.rssKb;
        assert.ok(grownKb < 60_000, `${grownKb} kB more in memory`);
        await lab!.transferBothWays();
      });

      it("comes back after either process was killed", async () => {
        for (let i = 0; i < KILLS; i += 1) {
          const end = i % 2 === 0 ? lab!.right : lab!.left;
          const peer = end === lab!.left ? lab!.right : lab!.left;
          await end.kill();
          await until("the other end is down", async () => !(await peer.isUp()));
          await end.start();
          await lab!.connected();
          await lab!.serve();
          await lab!.transferBothWays();
        }
      });
    });
  }
}
