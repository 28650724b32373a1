import { z } from "zod";
import { clone, type Connection } from "@networkservicemesh/sdk-ts";
import type { ServedConnection, ServerStanding } from "./events.ts";
import { interfaceNameOf, type OverlayConnection } from "./overlay.ts";
import { NEVER_UP, WAS_UP, type ClientDrain, type LinkMemory, type Wish } from "./standing.ts";

/** A client's interface at our end. */
export type LinkRecord =
  | {
      readonly type: "KERNEL";
      /** The kernel's name. */
      readonly device: string;
      /** Of the device that VPP was given; absent: there is none, or it is not ready. */
      readonly ifindex?: number | undefined;
    }
  | { readonly type: "MEMIF"; readonly socket: number; readonly filename: string };

/** A connection as this endpoint holds it. */
export interface ConnectionRecord {
  /** Our own path segment's. */
  readonly id: string;
  readonly client: string;
  readonly sinceMs: number;
  /** The client's, with length. */
  addresses: readonly string[];
  link: LinkRecord;
  memory: LinkMemory;
  /** Whether the kernel's device has a carrier. */
  carrier: boolean;
  drain?: ClientDrain | undefined;
  idle?: boolean | undefined;
  /** Came back with the agent, and was not requested since. */
  restored: boolean;
  /** It is about to go: it serves no more, and its interface stays until this settles. */
  removal?: Promise<void>;
  /** VPP was restarted, and has not made its memif yet. */
  renewing: boolean;
  /** As events told it last. */
  told: { alive: boolean; drained: boolean };
  /** Prefixes of routes that we put into its context. */
  routes: readonly string[];
  /** As answered last, without tokens. */
  connection: Connection;
  /** Of the path's segments: whoever closes it after a restart of ours proves by them that it may. */
  tokens: readonly string[];
}

/** What a connection leaves behind: its server is flushed, its interface removed, then its addresses are free. */
export interface Leaving {
  /** With length. */
  readonly addresses: readonly string[];
  /** VPP's name of the interface; empty: it has another one already. */
  readonly interface: string;
  /** Of a memif. */
  readonly socket?: number | undefined;
  readonly filename?: string | undefined;
}

const link = z.discriminatedUnion("type", [
  z.object({ type: z.literal("KERNEL"), device: z.string(), ifindex: z.number().optional() }),
  z.object({ type: z.literal("MEMIF"), socket: z.number(), filename: z.string() }),
]);

/** The file: version 1. */
export const fileSchema = z.object({
  version: z.literal(1),
  connections: z.array(
    z.object({
      id: z.string(),
      client: z.string(),
      sinceMs: z.number(),
      addresses: z.array(z.string()),
      link,
      wasUp: z.boolean(),
      drain: z.object({ sinceMs: z.number(), deadlineMs: z.number().optional() }).optional(),
      idle: z.boolean().optional(),
      routes: z.array(z.string()).default([]),
      tokens: z.array(z.string()).default([]),
      connection: z.custom<Connection>((value) => typeof value === "object" && value !== null && "path" in value),
    }),
  ),
  leaving: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        interface: z.string(),
        socket: z.number().optional(),
        filename: z.string().optional(),
      }),
    )
    .default([]),
});

export type ConnectionsFile = z.infer<typeof fileSchema>;

/** All that outlives the agent. */
export interface Kept {
  readonly live: Iterable<ConnectionRecord>;
  readonly leaving: readonly Leaving[];
}

export function toFile({ live: records, leaving }: Kept): ConnectionsFile {
  const connections = [...records].map((record) => {
    const { id, client, sinceMs, addresses, drain, idle, routes, tokens, connection, memory } = record;
    return {
      ...{ id, client, sinceMs, connection, link: record.link, wasUp: memory.wasUp },
      addresses: [...addresses],
      routes: [...routes],
      tokens: [...tokens],
      ...(drain === undefined ? {} : { drain: { ...drain } }),
      ...(idle === undefined ? {} : { idle }),
    };
  });
  return { version: 1, connections, leaving: leaving.map((one) => ({ ...one, addresses: [...one.addresses] })) };
}

export function fromFile({ connections }: ConnectionsFile): ConnectionRecord[] {
  return connections.map(({ wasUp, drain, ...rest }) => {
    const memory = wasUp ? WAS_UP : NEVER_UP;
    return {
      ...rest,
      ...(drain === undefined
        ? {}
        : {
            drain: {
              sinceMs: drain.sinceMs,
              ...(drain.deadlineMs === undefined ? {} : { deadlineMs: drain.deadlineMs }),
            },
          }),
      memory,
      carrier: wasUp,
      restored: true,
      renewing: false,
      told: { alive: wasUp, drained: false },
    };
  });
}

export function tokensOf({ path }: Connection): string[] {
  return (path?.pathSegments ?? []).map((segment) => segment.token);
}

/** As it was answered, tokens included. */
export function wholeConnection({ connection, tokens }: ConnectionRecord): Connection {
  const whole = clone(connection);
  whole.path?.pathSegments.forEach((segment, at) => (segment.token = tokens[at] ?? ""));
  return whole;
}

/** Without what proves who somebody is. */
export function withoutTokens(connection: Connection): Connection {
  const copy = clone(connection);
  for (const segment of copy.path?.pathSegments ?? []) segment.token = "";
  return copy;
}

export function hostOf(address: string): string {
  return address.split("/")[0]!;
}

export function toOverlay(record: ConnectionRecord, server: ServerStanding): OverlayConnection {
  const addresses = record.addresses.map(hostOf);
  return { interface: linkOf(record), addresses, server, reachable: record.memory.up };
}

/** What VPP is to have of the link right now. */
function linkOf({ link: own }: ConnectionRecord): OverlayConnection["interface"] {
  if (own.type === "MEMIF") return { type: "memif", socket: own.socket, filename: own.filename };
  return own.ifindex === undefined ? { type: "none" } : { type: "host", device: own.device };
}

/** VPP's name of the interface, whether it is there or not. */
export function vppNameOf({ link: own }: Pick<ConnectionRecord, "link">): string {
  return own.type === "KERNEL"
    ? interfaceNameOf({ type: "host", device: own.device })
    : interfaceNameOf({ type: "memif", socket: own.socket, filename: own.filename });
}

export function wishOf({ drain, idle }: ConnectionRecord, ordered: boolean): Wish {
  return { drain, idle, ordered };
}

/** As hooks, metrics and log see it. */
export function toServed(record: ConnectionRecord, standing: ServerStanding): ServedConnection {
  const { id, client, addresses, sinceMs, connection, link: own } = record;
  const shown = clone(connection);
  return {
    id,
    client,
    networkService: connection.networkService,
    addresses: addresses.map(hostOf),
    mechanism: own.type,
    interface: vppNameOf(record),
    labels: { ...connection.labels },
    server: standing,
    since: new Date(sinceMs).toISOString(),
    connection: shown,
  };
}
