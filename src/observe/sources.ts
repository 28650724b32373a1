import type { ApiServer } from "../dataplane/api/server.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { MeshCall, MeshEvent } from "../mesh/events.ts";
import type { NscEvent, NscStatus } from "../nsc/index.ts";
import type { Connection, EndpointInfo } from "@networkservicemesh/sdk-ts";
import type { Observable } from "rxjs";
import type { HookOutcome } from "../hooks/hooks.ts";
import type { NseCall, NseEvent, RegistrationState, ServedConnection } from "../nse/events.ts";
import type { VppCounters } from "../controller/counters.ts";
import type { Measurement } from "../controller/meter.ts";
import type { ControllerEvent, ControllerStatus, Row, RowKind, Snapshot } from "../controller/types.ts";

/** What metrics and health want of a controller. All of it is known in this process: nothing asks VPP. */
export interface ControllerSource {
  status(): ControllerStatus;
  /** Hot; no replay. */
  readonly events$: Observable<ControllerEvent>;
  readonly measurements$: Observable<Measurement>;
  snapshot(): Snapshot;
  /** Rows as `vpplb get` shows them, of what was last seen. */
  known(kind: RowKind): readonly Row[];
  /** VPP's own, as last read. */
  counters(): VppCounters | undefined;
}

/** What metrics and health want of the client agent. */
export interface NscSource {
  status(): NscStatus;
  /** Hot; no replay. */
  readonly events$: Observable<NscEvent>;
}

/** What metrics and health want of the load-balancer's endpoint and its hooks. */
export interface NseSource {
  /** Hot; no replay. */
  readonly events$: Observable<NseEvent>;
  readonly calls$: Observable<NseCall>;
  readonly hooks$: Observable<HookOutcome>;
  connections(): readonly ServedConnection[];
  counts(): { readonly leaving: number; readonly addresses: number; readonly monitors: number };
  registration(): RegistrationState;
  hooks(): { readonly running: number; readonly waiting: number };
  /** Ms since 1970; undefined without identities. */
  svidExpiresMs(): number | undefined;
  /** Ms since 1970; undefined without connections. */
  firstTokenExpiresMs(): number | undefined;
}

/** What metrics and health want of a machine's mesh. */
export interface MeshSource {
  /** Hot; no replay. */
  readonly events$: Observable<MeshEvent>;
  readonly calls$: Observable<MeshCall>;
  /** Where it serves; none: not yet. */
  urls(): readonly string[];
  services(): ReadonlyMap<string, unknown>;
  endpoints(): ReadonlyMap<string, Pick<EndpointInfo, "networkServiceNames">>;
  connections(): ReadonlyMap<string, Pick<Connection, "networkService" | "mechanism">>;
  /** How many, by what joins them: `veth`, `socket`, `vpp`. */
  links(): Readonly<Record<string, number>>;
  /** Connections of an earlier start that nobody has taken up. */
  awaited(): number;
  monitors(): number;
  /** undefined: it was given none. */
  vpp(): { readonly ready: boolean; readonly message: string } | undefined;
  /** Ms since 1970; undefined without identities. */
  svidExpiresMs(): number | undefined;
}

/** What metrics and health want of the embedded dataplane. */
export interface DataplaneSource {
  readonly dataplane: Pick<Dataplane, "interfaces" | "errors" | "lb">;
  readonly api: Pick<ApiServer, "clients">;
}
