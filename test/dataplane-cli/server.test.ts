import assert from "node:assert/strict";
import { mkdtempSync, rmSync, existsSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { CliServer, type CliServerOptions } from "../../src/dataplane/cli/server.ts";
import { GREETING, TelnetDecoder } from "../../src/dataplane/cli/telnet.ts";
import type { TelnetEvent } from "../../src/dataplane/cli/telnet.ts";
import { LineEditor } from "../../src/dataplane/cli/line-editor.ts";

const TTYPE = (name: string): Buffer => Buffer.from([255, 250, 24, 0, ...Buffer.from(name), 255, 240]);

class Client {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;
  #wake: () => void = () => undefined;

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake();
    });
    this.socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
    this.socket.on("error", () => undefined);
  }

  /** Text after the greeting. */
  get text(): string {
    return this.received.subarray(GREETING.length).toString("latin1");
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`timed out: ${what}; have ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 100));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

describe("CLI socket", () => {
  let directory = "";
  let server: CliServer;
  let ran: string[] = [];
  let clients: Client[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "vpplb-cli-"));
    ran = [];
    clients = [];
    server = await listen();
  });

  function listen(options: Partial<CliServerOptions> = {}): Promise<CliServer> {
    return CliServer.listen({
      path: join(directory, "cli.sock"),
      maxSessions: 3,
      negotiationTimeoutMs: 100,
      ...options,
      complete: (text) => ["show", "set"].filter((word) => word.startsWith(text)),
      execute: (text, io) => {
        ran.push(text);
        if (text.startsWith("quit")) io.session.quit();
        else io.out(`ran ${text.trim()}\nsecond line`);
        return Promise.resolve(0);
      },
    });
  }

  afterEach(async () => {
    for (const client of clients) client.socket.destroy();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function open(): Client {
    const client = new Client(join(directory, "cli.sock"));
    clients.push(client);
    return client;
  }

  it("greets with VPP's telnet options", async () => {
    const client = open();
    await client.until(() => client.received.length >= GREETING.length, "greeting");
    assert.deepEqual(
      client.received.subarray(0, GREETING.length).toString("hex"),
      "fffc22fffe22fffb03fffd03fffb01fffe01fffd18fffa1801fff0fffd1ffffa1f01fff0",
    );
  });

  it("gives vppctl output and a NUL, no banner, prompt or echo, and closes on quit", async () => {
    const client = open();
    client.socket.write(TTYPE("vppctl"));
    client.socket.write("show version\n\0");
    await client.until(() => client.text.endsWith("\0"), "acknowledgement");
    assert.equal(client.text, "ran show version\r\nsecond line\r\n\0");
    client.socket.write("quit\n");
    await client.until(() => client.closed, "close");
    assert.deepEqual(ran, ["show version\n", "quit\n"]);
  });

  it("joins a script that arrives in pieces, and runs a last line without newline", async () => {
    const client = open();
    client.socket.write(TTYPE("vppctl"));
    client.socket.write("show ver");
    client.socket.write("sion\nshow int");
    await client.until(() => client.text.endsWith("\0"), "acknowledgement");
    assert.equal(ran.join("|").replaceAll("\n", "/"), "show version/show int");
  });

  it("shows banner and prompt to a terminal, echoes and prompts again", async () => {
    const client = open();
    client.socket.write(TTYPE("xterm"));
    await client.until(() => client.text.endsWith("vpp# "), "prompt");
    assert.ok(client.text.startsWith("\r\x1b[1;31m    _______    _     \x1b[0m   _   _____  ___ \r\n"));
    client.socket.write("sho\x7fow int\r");
    await client.until(() => client.text.endsWith("second line\r\nvpp# "), "output");
    assert.ok(client.text.includes("vpp# sho\b \bow int\r\nran show int\r\nsecond line\r\n"));
  });

  it("gives the banner to a client that never names its terminal", async () => {
    const client = open();
    await client.until(() => client.text.endsWith("vpp# "), "prompt");
  });

  it("refuses one session too many and forgets closed ones", async () => {
    const three = [open(), open(), open()];
    for (const client of three) await client.until(() => client.text.endsWith("vpp# "), "prompt");
    const fourth = open();
    await fourth.until(() => fourth.closed, "refusal");
    assert.equal(fourth.received.toString(), "too many CLI sessions\r\n");
    three[0]?.socket.destroy();
    await fourth.until(() => server.sessions === 2, "free place");
    const fifth = open();
    await fifth.until(() => fifth.text.endsWith("vpp# "), "prompt");
  });

  it("refuses a path that is served, and removes its socket", async () => {
    const path = join(directory, "cli.sock");
    const options = { path, complete: () => [], execute: () => Promise.resolve(0) };
    await assert.rejects(CliServer.listen(options), /another process serves/);
    await server.close();
    assert.equal(existsSync(path), false);
    server = await CliServer.listen(options);
  });

  it("closes a session whose line never ends", async () => {
    await server.close();
    // However long this machine takes between two pieces.
    server = await listen({ partialLineMs: 60_000 });
    const client = open();
    client.socket.write(TTYPE("vppctl"));
    client.socket.write("x".repeat(5 << 20));
    await client.until(() => client.closed, "close");
    assert.match(client.text, /input line too long: session closed/);
    assert.equal(ran.length, 0);
  });
});

describe("telnet decoder", () => {
  it("gives the same events wherever the bytes are cut", () => {
    const stream = Buffer.concat([
      Buffer.from("ab"),
      Buffer.from([255, 253, 1]),
      TTYPE("xterm-256color"),
      Buffer.from("cd"),
      Buffer.from([255, 250, 31, 0, 120, 0, 40, 255, 240, 255, 246]),
      Buffer.from("ef\n"),
    ]);
    const expected = "ab|terminal xterm-256color|cd|size 120x40|are-you-there|ef\n";
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 6 }), (cuts) => {
        const decoder = new TelnetDecoder();
        const points = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const seen: string[] = [];
        for (let i = 1; i < points.length; i++) {
          for (const event of decoder.push(stream.subarray(points[i - 1], points[i]))) merge(seen, event);
        }
        assert.equal(seen.join("|"), expected);
      }),
    );
  });

  it("takes random bytes without stopping", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (chunks) => {
        const decoder = new TelnetDecoder();
        for (const chunk of chunks) for (const event of decoder.push(chunk)) assert.ok(event.kind);
      }),
    );
  });
});

function merge(seen: string[], event: TelnetEvent): void {
  const text =
    event.kind === "data"
      ? Buffer.from(event.bytes).toString()
      : event.kind === "terminal"
        ? `terminal ${event.name}`
        : event.kind === "size"
          ? `size ${event.width}x${event.height}`
          : event.kind;
  const last = seen.at(-1);
  if (event.kind === "data" && last !== undefined && !/ |-/.test(last)) seen[seen.length - 1] = last + text;
  else seen.push(text);
}

describe("line editor", () => {
  function type(...pieces: string[]): { lines: string[]; screen: string } {
    let screen = "";
    const editor = new LineEditor({
      echo: (text) => (screen += text),
      complete: (text) => ["show interface", "show ip"].filter((one) => one.startsWith(text)).map(lastWord),
      prompt: "vpp# ",
    });
    return { lines: pieces.flatMap((piece) => editor.push(piece)), screen };
  }

  it("edits, recalls and completes", () => {
    assert.deepEqual(type("abc\x7fd\r\n").lines, ["abd"]);
    assert.deepEqual(type("bc\x01a\x05d\r").lines, ["abcd"]);
    assert.deepEqual(type("one two\x17three\n").lines, ["one three"]);
    assert.deepEqual(type("first\r", "second\r", "\x1b[A\x1b[A\r").lines, ["first", "second", "first"]);
    assert.deepEqual(type("first\r\x1b[", "A\r").lines, ["first", "first"]);
    assert.deepEqual(type("a\r", "\nb\r\0", "c\n").lines, ["a", "b", "c"]);
    assert.deepEqual(type("show ip\t\n").lines, ["show ip "]);
    assert.ok(type("show i\t").screen.includes("interface  ip"));
  });
});

function lastWord(text: string): string {
  return text.split(" ").at(-1) ?? "";
}
