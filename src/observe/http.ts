import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { rmSync } from "node:fs";
import { listenUnix, socketInode, UnixListenError } from "../sys/unix-listener.ts";
import { ObserveError } from "./errors.ts";
import { formatListen, parseListen, type ListenAddress } from "./listen.ts";

export interface HttpAnswer {
  /** Default 200. */
  readonly status?: number;
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string;
  readonly body: string;
}

/** A page of the server. It only looks: there is no way to change anything over HTTP. */
export interface HttpRoute {
  /** `/metrics`. No parameters. */
  readonly path: string;
  /** One line for the index page. */
  readonly summary: string;
  /** An answer that takes longer than the server's deadline becomes 503; one that fails, 500. */
  readonly answer: (query: URLSearchParams) => HttpAnswer | Promise<HttpAnswer>;
}

export interface HttpOptions {
  /** See `parseListen`. */
  readonly listen: string;
  readonly routes: readonly HttpRoute[];
  /** Named on the index page. */
  readonly title?: string;
  /** Connections at a time. Default 64. */
  readonly maxConnections?: number;
  /** For a route to answer, and for a client to send its request or take the answer. Default 5,000. */
  readonly timeoutMs?: number;
  /** Permissions of a unix socket. Default 0o660. */
  readonly mode?: number;
  /** Hears of a route that threw. */
  readonly onFault?: (path: string, error: unknown) => void;
}

export interface HttpServer {
  /** As it came to be: with the port that was chosen. */
  readonly address: string;
  /** Ends connections and removes a unix socket. Idempotent. */
  close(): Promise<void>;
}

const MAX_HEADER_BYTES = 8 << 10;
const METHODS = new Set(["GET", "HEAD"]);

/**
 * Serves routes over HTTP/1.1 until `close`.
 * @throws ObserveError ADDRESS, LISTEN
 */
export async function startHttpServer(options: HttpOptions): Promise<HttpServer> {
  const { maxConnections = 64, timeoutMs = 5000 } = options;
  const listen = parseListen(options.listen);
  const pages = new Map(withIndex(options).map((route) => [route.path, route]));
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    void serve(pages, request, response, timeoutMs, options.onFault ?? (() => undefined));
  });
  server.maxConnections = maxConnections;
  server.headersTimeout = timeoutMs;
  server.requestTimeout = timeoutMs;
  server.keepAliveTimeout = timeoutMs;
  // Whoever does not read the answer is cut off.
  server.timeout = 2 * timeoutMs;
  await startListening(server, listen, options.mode);
  server.on("error", () => undefined);
  const inode = "path" in listen ? socketInode(listen.path) : undefined;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    if ("path" in listen && socketInode(listen.path) === inode) rmSync(listen.path, { force: true });
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { address: addressOf(server, listen), close: () => (closing ??= close()) };
}

async function startListening(server: Server, listen: ListenAddress, mode = 0o660): Promise<void> {
  try {
    if ("path" in listen) return await listenUnix(server, listen.path, { mode, makeDirectory: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(listen, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    const why =
      cause instanceof UnixListenError ? cause.message : `${formatListen(listen)}: ${(cause as Error).message}`;
    throw new ObserveError("LISTEN", `cannot serve HTTP: ${why}; name another address`, cause);
  }
}

function addressOf(server: Server, listen: ListenAddress): string {
  if ("path" in listen) return listen.path;
  return formatListen({ host: listen.host, port: (server.address() as AddressInfo).port });
}

function withIndex({ routes, title = "vpplb" }: HttpOptions): HttpRoute[] {
  const lines = routes.map((route) => `${route.path.padEnd(12)}${route.summary}\n`);
  const index: HttpRoute = {
    path: "/",
    summary: "this page",
    answer: () => ({ body: `${title}\n\n${lines.join("")}` }),
  };
  return [index, ...routes];
}

async function serve(
  pages: ReadonlyMap<string, HttpRoute>,
  request: IncomingMessage,
  response: ServerResponse,
  timeoutMs: number,
  onFault: (path: string, error: unknown) => void,
): Promise<void> {
  // No page takes a body: what comes is thrown away, and the connection with it.
  if (request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined) {
    response.shouldKeepAlive = false;
  }
  request.resume();
  const url = urlOf(request.url ?? "/");
  const route = url === undefined ? undefined : pages.get(url.pathname);
  const answer = await answerOf(route, request.method ?? "", url?.searchParams, timeoutMs, onFault);
  if (response.destroyed) return;
  response.writeHead(answer.status ?? 200, {
    "content-type": answer.contentType ?? "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(answer.body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(answer.status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? "" : answer.body);
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text, "http://localhost") ? new URL(text, "http://localhost") : undefined;
}

async function answerOf(
  route: HttpRoute | undefined,
  method: string,
  query: URLSearchParams | undefined,
  timeoutMs: number,
  onFault: (path: string, error: unknown) => void,
): Promise<HttpAnswer> {
  if (!METHODS.has(method)) return { status: 405, body: "only GET and HEAD\n" };
  if (route === undefined) return { status: 404, body: "no such page: see /\n" };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<HttpAnswer>((resolve) => {
    timer = setTimeout(() => resolve({ status: 503, body: `no answer within ${timeoutMs} ms\n` }), timeoutMs);
  });
  try {
    return await Promise.race([Promise.resolve().then(() => route.answer(query ?? new URLSearchParams())), late]);
  } catch (error) {
    onFault(route.path, error);
    return { status: 500, body: "this page failed: see the log\n" };
  } finally {
    clearTimeout(timer);
  }
}
