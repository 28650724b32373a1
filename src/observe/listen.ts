import { isIP } from "node:net";
import { ObserveError } from "./errors.ts";

/** Where a HTTP server listens. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Reads `127.0.0.1:9101`, `[::1]:9101`, `localhost:9101`, `:9101` (every address), `/run/vpplb/http.sock` or
 * `unix:http.sock`. Port 0: one that is free.
 * @throws ObserveError ADDRESS
 */
export function parseListen(text: string): ListenAddress {
  if (text.startsWith("unix:") && text.length > 5) return { path: text.slice(5) };
  if (text.startsWith("/")) return { path: text };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const [v6, name] = [match?.[1], match?.[2]];
  const good = match !== null && port <= 65_535 && (v6 === undefined || isIP(v6) === 6);
  if (!good) {
    throw new ObserveError(
      "ADDRESS",
      `"${text}" is no address to listen on: 127.0.0.1:9101, [::1]:9101 or /path/of.sock`,
    );
  }
  return { host: v6 ?? (name === undefined || name === "" ? "::" : name), port };
}

/** The text that `parseListen` reads. */
export function formatListen(address: ListenAddress): string {
  if ("path" in address) return address.path;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
