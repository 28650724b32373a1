import type { Offer } from "./offer.ts";

/** Where one service's connection is. */
export interface ServiceStatus {
  readonly url: string;
  readonly service: string;
  readonly mechanism: "KERNEL" | "MEMIF";
  readonly device: string;
  /** The connection's id, the same over restarts of the agent. */
  readonly id: string;
  /**
   * - `requesting`: it is asked for, until it is there.
   * - `connected`
   * - `healing`: it was lost and is asked for again; what it gave stays configured.
   * - `closed`
   */
  readonly state: "requesting" | "connected" | "healing" | "closed";
  /** ISO 8601: since when it is so. */
  readonly since: string;
  /** What it gives; undefined: nothing yet. */
  readonly offer: Offer | undefined;
  /** Whether the gateway answers; undefined: it is not asked, or never did. */
  readonly alive: boolean | undefined;
  /** Why it is not connected. */
  readonly error: string | undefined;
}

interface At {
  /** ISO 8601. */
  readonly at: string;
  /** For people. */
  readonly message: string;
}

interface OfService extends At {
  readonly service: ServiceStatus;
}

/** What happens at the client agent, in order. */
export type NscEvent =
  | (OfService & { readonly type: "connected" })
  /** The connection gives something else than before: after a refresh or a heal. */
  | (OfService & { readonly type: "changed" })
  /** It was asked for and is not there; it is asked for again. */
  | (OfService & { readonly type: "request-failed"; readonly code: string })
  /** What the endpoint gives cannot be used. */
  | (OfService & { readonly type: "refused" })
  /** A part of what it gives is not taken. */
  | (OfService & { readonly type: "ignored" })
  /** The next hop, or the way to the gateway, is lost. */
  | (OfService & { readonly type: "lost"; readonly what: "control-plane" | "data-plane" })
  /** The gateway does not answer, and the mesh still has the connection: replies go by others, where there are any. */
  | (OfService & { readonly type: "silent" })
  | (OfService & { readonly type: "healing"; readonly reselect: boolean })
  | (OfService & { readonly type: "healed"; readonly reselect: boolean })
  | (OfService & { readonly type: "closed" })
  /** The host was brought to what the connections give. */
  | (At & { readonly type: "configured"; readonly vips: readonly string[]; readonly devices: readonly string[] })
  /** Somebody had changed the host; it is as it must be again. */
  | (At & { readonly type: "repaired" })
  /** A part of the set-up failed; it is tried again. */
  | (At & { readonly type: "setup-failed" })
  /** Every service is connected and the host is set up. */
  | (At & { readonly type: "ready"; readonly vips: readonly string[]; readonly gre: string })
  | (At & { readonly type: "unready" })
  | (At & { readonly type: "draining"; readonly seconds: number })
  /** `connections`: that were left at the deadline. */
  | (At & { readonly type: "drained"; readonly connections: number });

export type NscEventType = NscEvent["type"];

type Untimed<E> = E extends unknown ? Omit<E, "at"> : never;

/** Tells an event; its time is now. */
export type TellNsc = (event: Untimed<NscEvent>) => void;
