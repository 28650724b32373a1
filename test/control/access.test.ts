import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEVER } from "rxjs";
import { startControlServer, type ControlServerOptions } from "../../src/control/index.ts";
import type { ControllerApi } from "../../src/controller/types.ts";
import { startDataplane } from "../../src/dataplane/server.ts";
import { idsOf, type Peer } from "../../src/sys/peer.ts";

const NOBODY = 65_534;
const OTHER_GROUP = 54_321;

/** Connects and tells what came of it: bytes of the server, its end, or an error. */
const CLIENT = `
const socket = require("node:net").connect(process.argv[1]);
const say = (text) => { console.log(text); process.exit(0); };
socket.on("data", () => say("served"));
socket.on("close", () => say("turned away"));
socket.on("error", (error) => say(error.code === "ECONNRESET" ? "turned away" : error.code));
setTimeout(() => say("nothing"), 10000);
`;

/** Who may connect, tried by processes of other users. */
describe("control: who may connect", function () {
  this.timeout(30_000);
  let folder: string;
  const cleanup: (() => unknown)[] = [];

  before(function () {
    if (process.getuid?.() !== 0 || spawnSync("setpriv", ["--version"]).status !== 0) {
      console.log("      skipped: other users' processes need root and setpriv(1)");
      this.skip();
    }
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "vpplb-access-"));
    chmodSync(folder, 0o755);
  });
  afterEach(async () => {
    for (const action of cleanup.splice(0).reverse()) await action();
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(options: ControlServerOptions): Promise<{ socket: string; refused: (Peer | undefined)[] }> {
    const refused: (Peer | undefined)[] = [];
    const socket = join(folder, "control.sock");
    const api = { events$: NEVER } as unknown as ControllerApi;
    const server = await startControlServer(api, { socket, onRefused: (peer) => refused.push(peer), ...options });
    cleanup.push(() => server.close());
    return { socket, refused };
  }

  function tryAs(socket: string, uid: number, groups: readonly number[] = []): Promise<string> {
    const as = ["--reuid", String(uid), "--regid", String(uid)];
    const also = groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")];
    const child = spawn("setpriv", [...as, ...also, process.execPath, "-e", CLIENT, socket], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    return new Promise((resolve) => child.once("close", () => resolve(text.trim())));
  }

  it("this process's user and root alone, by default", async () => {
    const { socket, refused } = await serve({});
    assert.equal(statSync(socket).mode & 0o777, 0o660);
    assert.equal(await tryAs(socket, 0), "served");
    assert.equal(await tryAs(socket, NOBODY), "EACCES");
    // As if somebody had opened the file: the peer's user decides.
    chmodSync(socket, 0o666);
    assert.equal(await tryAs(socket, NOBODY), "turned away");
    assert.deepEqual(
      refused.map((peer) => peer?.uid),
      [NOBODY],
    );
  });

  it("members of the groups that are named, also by supplementary group", async () => {
    const { socket, refused } = await serve({ access: { gids: [OTHER_GROUP] } });
    const { mode, gid } = statSync(socket);
    assert.deepEqual([mode & 0o777, gid], [0o660, OTHER_GROUP]);
    assert.equal(await tryAs(socket, NOBODY, [OTHER_GROUP]), "served");
    const many = Array.from({ length: 200 }, (_, i) => 60_000 + i);
    assert.equal(await tryAs(socket, NOBODY, [...many, OTHER_GROUP]), "served");
    assert.equal(await tryAs(socket, NOBODY), "EACCES");
    chmodSync(socket, 0o666);
    assert.equal(await tryAs(socket, NOBODY, many), "turned away");
    assert.equal(refused.length, 1);
  });

  it("users that are named, and nobody else, though the file is open", async () => {
    const { socket, refused } = await serve({ access: { uids: [NOBODY] } });
    assert.equal(statSync(socket).mode & 0o777, 0o666);
    assert.equal(await tryAs(socket, NOBODY), "served");
    assert.equal(await tryAs(socket, NOBODY - 1), "turned away");
    assert.deepEqual(
      refused.map((peer) => [peer?.uid, peer?.gids]),
      [[NOBODY - 1, [NOBODY - 1]]],
    );
  });

  it("the embedded dataplane's API and CLI sockets alike", async () => {
    const [api, cli] = [join(folder, "api.sock"), join(folder, "cli.sock")];
    const stop = new AbortController();
    const refused: (Peer | undefined)[] = [];
    const access = { uids: [NOBODY], gids: [OTHER_GROUP] };
    const dataplane = await startDataplane(
      { apiSocket: api, cliSocket: cli, access, onRefused: (peer) => refused.push(peer) },
      stop.signal,
    );
    cleanup.push(() => (stop.abort(), dataplane.closed));
    for (const socket of [api, cli]) assert.equal(statSync(socket).mode & 0o777, 0o666);
    // The CLI greets whoever may come; the API says nothing before it is asked.
    assert.equal(await tryAs(cli, NOBODY), "served");
    assert.equal(await tryAs(cli, NOBODY - 1, [OTHER_GROUP]), "served");
    for (const socket of [api, cli]) assert.equal(await tryAs(socket, NOBODY - 1), "turned away");
    assert.deepEqual(
      refused.map((peer) => peer?.uid),
      [NOBODY - 1, NOBODY - 1],
    );
  });

  it("finds users and groups by name and number, and says which it does not know", () => {
    assert.deepEqual(idsOf("user", ["root", 7, "8"]), [0, 7, 8]);
    assert.deepEqual(idsOf("group", ["root"]), [0]);
    assert.throws(() => idsOf("group", ["no-such-group"]), /\/etc\/group has no group "no-such-group"/);
  });
});
