import type { Connection } from "@networkservicemesh/sdk-ts";

/**
 * What a connected client is to the VIPs.
 * - `none`: its interface was never up; it is no server yet.
 * - `up`: takes new flows.
 * - `drain`: takes no new flows, its established ones go on.
 * - `down`: taken out and flushed: it was drained, or its interface is gone for too long.
 */
export type ServerStanding = "none" | "up" | "drain" | "down";

/** A connection as hooks, metrics and log see it. Plain data; no tokens in it. */
export interface ServedConnection {
  /** This endpoint's own path segment: the same from connect to close. Hooks are ordered by it. */
  readonly id: string;
  /** Name of the first hop of the path: the client's own. */
  readonly client: string;
  readonly networkService: string;
  /** The client's, without length, at most one of each family: IPv4 first. */
  readonly addresses: readonly string[];
  readonly mechanism: "KERNEL" | "MEMIF";
  /** VPP's name of the interface. */
  readonly interface: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly server: ServerStanding;
  /** ISO 8601. */
  readonly since: string;
  /** As it was answered last; tokens are left out. */
  readonly connection: Connection;
}

/** Why a connection ended: its client closed it, or did not refresh it until its token expired. */
export type EndReason = "closed" | "expired";

/** How a drain ended. `undone`: the server takes new flows again. */
export type DrainEnd = "deadline" | "no-connections" | "undone";

interface At {
  /** ISO 8601. */
  readonly at: string;
  /** For people. */
  readonly message: string;
}

interface OfConnection extends At {
  readonly connection: ServedConnection;
}

/** What happens at the load-balancer's endpoint, in order. */
export type NseEvent =
  /** The endpoint is registered and can be asked; again after each restart of the agent. */
  | (At & {
      readonly type: "endpoint_started";
      readonly name: string;
      readonly service: string;
      readonly url: string;
      readonly vips: readonly string[];
      /** Connections that came back with the agent. */
      readonly restored: number;
    })
  | (At & { readonly type: "endpoint_stopped"; readonly name: string })
  /** The registry did not take the endpoint; tried again. */
  | (At & { readonly type: "registration_failed" })
  /** A new connection was answered. Its interface may come later: see `server_up`. */
  | (OfConnection & { readonly type: "connected" })
  /** The same connection again, in time. */
  | (OfConnection & { readonly type: "refreshed" })
  /** The first Request after a restart of the agent, or one that brought another mechanism or address. */
  | (OfConnection & { readonly type: "healed"; readonly why: "restart" | "mechanism" | "address" })
  /** A Request was refused and left nothing. `code` is NsmError's. */
  | (At & { readonly type: "refused"; readonly client: string; readonly id: string; readonly code: string })
  /** It is about to go: still wired, its server leaves now. */
  | (OfConnection & { readonly type: "closing"; readonly reason: EndReason })
  /** It is gone: server, interface and address. After `closing`. */
  | (OfConnection & { readonly type: "closed" })
  | (OfConnection & { readonly type: "expired" })
  /** Its interface works and is in the bridge: it is a server now (`lbManagedBy: agent`), or can be one (`hook`). */
  | (OfConnection & { readonly type: "server_up" })
  /** Its interface does not work any more. Followed by `server_up`, or by the end of the connection. */
  | (OfConnection & { readonly type: "server_down"; readonly why: "link" | "vpp" })
  /** It takes no new flows; asked for by the client (an operator's drains are the controller's events). */
  | (OfConnection & { readonly type: "drain_started"; readonly deadlineAt?: string })
  | (OfConnection & { readonly type: "drained"; readonly why: DrainEnd })
  /** A VIP of lb.yaml came or went; clients are told. */
  | (At & { readonly type: "vip_added"; readonly prefix: string })
  | (At & { readonly type: "vip_removed"; readonly prefix: string })
  /** VPP is another one than before, which holds nothing of ours yet: it is programmed now. */
  | (At & { readonly type: "vpp_restarted" })
  /** The file of the connections cannot be written, or can be again. */
  | (At & { readonly type: "state"; readonly ok: boolean })
  /** A kernel interface could not be prepared for VPP; tried again. */
  | (OfConnection & { readonly type: "attach_failed" });

export type NseEventType = NseEvent["type"];

/** A call of a client, from its arrival to the answer. */
export interface NseCall {
  readonly method: "Request" | "Close";
  /** NsmError's, or `OK`. */
  readonly code: string;
  readonly durationMs: number;
}

/** Whether clients can find the endpoint. */
export interface RegistrationState {
  readonly registered: boolean;
  /** As the registry has it. */
  readonly name?: string;
  /** When it ends unless it is renewed, ms since 1970. */
  readonly expiresMs?: number;
  /** Why the last attempt failed. */
  readonly error?: string;
}
