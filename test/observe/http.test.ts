import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObserveError } from "../../src/observe/index.ts";
import { formatListen, parseListen, startHttpServer, type HttpServer } from "../../src/observe/index.ts";

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

describe("observe: HTTP", () => {
  let folder: string;
  const servers: HttpServer[] = [];
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "vpplb-http-"))));
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(options: Partial<Parameters<typeof startHttpServer>[0]> = {}): Promise<HttpServer> {
    const routes = [{ path: "/one", summary: "the first", answer: () => ({ body: "1\n" }) }];
    const server = await startHttpServer({ listen: "127.0.0.1:0", routes, ...options });
    servers.push(server);
    return server;
  }

  function ask({ address }: HttpServer, path: string, method = "GET", body?: string): Promise<Reply> {
    const where = parseListen(address);
    const target = "path" in where ? { socketPath: where.path } : { host: where.host, port: where.port };
    return new Promise((resolve, reject) => {
      const call = request({ ...target, path, method, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      call.on("error", reject);
      call.end(body);
    });
  }

  it("reads addresses, and refuses what is none", () => {
    assert.deepEqual(parseListen("127.0.0.1:9101"), { host: "127.0.0.1", port: 9101 });
    assert.deepEqual(parseListen("[::1]:0"), { host: "::1", port: 0 });
    assert.deepEqual(parseListen(":9101"), { host: "::", port: 9101 });
    assert.deepEqual(parseListen("/run/x.sock"), { path: "/run/x.sock" });
    assert.deepEqual(parseListen("unix:x.sock"), { path: "x.sock" });
    for (const text of ["127.0.0.1:9101", "[::1]:80", "/run/x.sock"])
      assert.equal(formatListen(parseListen(text)), text);
    for (const text of ["", "9101", "unix:", "::1:80", "[zz]:1", "a b:1", "h:65536", "h:1/x", "[::1]", "h:-1"]) {
      assert.throws(
        () => parseListen(text),
        (error: ObserveError) => error.code === "ADDRESS",
        text,
      );
    }
  });

  it("serves its pages over TCP and over a unix socket, and nothing else", async () => {
    const path = join(folder, "deep", "http.sock");
    for (const server of [await serve(), await serve({ listen: path })]) {
      assert.deepEqual([(await ask(server, "/one")).status, (await ask(server, "/one?x=1")).body], [200, "1\n"]);
      assert.match((await ask(server, "/")).body, /\/one +the first/);
      const head = await ask(server, "/one", "HEAD");
      assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "2"]);
      assert.equal((await ask(server, "/two")).status, 404);
      assert.equal((await ask(server, "//x:y:z")).status, 404);
      const post = await ask(server, "/one", "POST", "x".repeat(100_000)).catch((error: Error) => error);
      if (!(post instanceof Error)) assert.deepEqual([post.status, post.headers["allow"]], [405, "GET, HEAD"]);
    }
    assert.equal(statSync(path).mode & 0o777, 0o660);
    await servers.pop()?.close();
    assert.throws(() => statSync(path), /ENOENT/);
  });

  it("a page that fails or never answers is told as such, and others go on", async () => {
    const faults: string[] = [];
    const server = await serve({
      timeoutMs: 100,
      onFault: (path, error) => faults.push(`${path} ${(error as Error).message}`),
      routes: [
        { path: "/bad", summary: "", answer: () => assert.fail("broken") },
        { path: "/never", summary: "", answer: () => new Promise(() => undefined) },
        { path: "/good", summary: "", answer: () => ({ body: "good" }) },
      ],
    });
    const [bad, never, good] = await Promise.all(["/bad", "/never", "/good"].map((path) => ask(server, path)));
    assert.deepEqual([bad?.status, never?.status, good?.status], [500, 503, 200]);
    assert.deepEqual(faults, ["/bad broken"]);
    assert.ok(!bad?.body.includes("broken"), "nothing of the fault is shown");
  });

  it("bounds connections, and cuts off who says nothing", async function () {
    this.timeout(20_000);
    const server = await serve({ maxConnections: 2, timeoutMs: 200 });
    const { host, port } = parseListen(server.address) as { host: string; port: number };
    const open = () => {
      const socket = connect(port, host);
      const ended = new Promise<void>((resolve) => {
        socket.on("error", () => resolve());
        socket.on("close", () => resolve());
      });
      socket.resume();
      return { socket, ended };
    };
    const silent = [open(), open()];
    await Promise.all(silent.map(({ socket }) => new Promise((resolve) => socket.once("connect", resolve))));
    await open().ended;
    await Promise.all(silent.map(({ ended }) => ended));
    assert.equal((await ask(server, "/one")).status, 200);
  });

  it("says why it cannot listen, and leaves files of others alone", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "mine");
    const first = await serve({ listen: join(folder, "a.sock") });
    for (const listen of [file, first.address, join(folder, "x".repeat(120)), (await serve()).address, "192.0.2.1:1"]) {
      await assert.rejects(serve({ listen }), (error: ObserveError) => error.code === "LISTEN", listen);
    }
    assert.equal((await ask(first, "/one")).status, 200);
  });
});
