/**
 * NSM's messages as plain objects: the shapes that the wire codec (proto.ts) makes and takes. Unset messages are null,
 * unset strings are empty. "src" is the client's side of a connection, "dst" the endpoint's.
 */

/** google.protobuf.Timestamp. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface Route {
  /** address/length */
  prefix: string;
  /** Empty: by the interface. */
  nextHop: string;
}

export interface IpNeighbor {
  ip: string;
  hardwareAddress: string;
}

export interface PolicyRoute {
  from: string;
  proto: string;
  dstPort: string;
  srcPort: string;
  routes: Route[];
}

export interface ExtraPrefixRequest {
  addrFamily: { family: "IPV4" | "IPV6" } | null;
  prefixLen: number;
  requiredNumber: number;
  requestedNumber: number;
}

export interface IpContext {
  /** address/length each. */
  srcIpAddrs: string[];
  dstIpAddrs: string[];
  srcIpRequired: boolean;
  dstIpRequired: boolean;
  /** Routes that the client installs. */
  srcRoutes: Route[];
  /** Routes that the endpoint installs. */
  dstRoutes: Route[];
  excludedPrefixes: string[];
  ipNeighbors: IpNeighbor[];
  extraPrefixRequest: ExtraPrefixRequest[];
  extraPrefixes: string[];
  policies: PolicyRoute[];
}

export interface DnsContext {
  configs: { dnsServerIps: string[]; searchDomains: string[] }[];
}

export interface EthernetContext {
  srcMac: string;
  dstMac: string;
  vlanTag: number;
}

export interface ConnectionContext {
  ipContext: IpContext | null;
  dnsContext: DnsContext | null;
  ethernetContext: EthernetContext | null;
  extraContext: Record<string, string>;
  /** Bytes; 0: unset. */
  MTU: number;
}

/** How packets are carried between two hops: `type` KERNEL, MEMIF..., `cls` LOCAL or REMOTE. */
export interface Mechanism {
  cls: string;
  type: string;
  parameters: Record<string, string>;
}

/** One hop of a connection's path. */
export interface PathSegment {
  name: string;
  id: string;
  /** A JWT of the hop. */
  token: string;
  expires: Timestamp | null;
  metrics: Record<string, string>;
}

export interface Path {
  index: number;
  pathSegments: PathSegment[];
}

export type ConnectionState = "UP" | "DOWN" | "REFRESH_REQUESTED" | "RESELECT_REQUESTED";

export interface Connection {
  id: string;
  networkService: string;
  mechanism: Mechanism | null;
  context: ConnectionContext | null;
  labels: Record<string, string>;
  path: Path | null;
  networkServiceEndpointName: string;
  /** ETHERNET or IP; empty is IP. */
  payload: string;
  state: ConnectionState;
}

export interface NetworkServiceRequest {
  connection: Connection | null;
  /** Best first. */
  mechanismPreferences: Mechanism[];
}

export interface ConnectionEvent {
  type: "INITIAL_STATE_TRANSFER" | "UPDATE" | "DELETE";
  /** By the serving hop's segment id. */
  connections: Record<string, Connection>;
}

/** A contiguous part of a path; empty strings match anything. */
export interface MonitorScopeSelector {
  pathSegments: PathSegment[];
}

export interface NetworkServiceInfo {
  name: string;
  payload: string;
  matches: Match[];
  pathIds: string[];
}

export interface Match {
  sourceSelector: Record<string, string>;
  routes: { destinationSelector: Record<string, string>; weight: number }[];
  /** Go on to the next match where no endpoint fits. */
  fallthrough: boolean;
  metadata: { labels: Record<string, string> } | null;
}

export interface EndpointInfo {
  name: string;
  networkServiceNames: string[];
  networkServiceLabels: Record<string, { labels: Record<string, string> }>;
  url: string;
  expirationTime: Timestamp | null;
  initialRegistrationTime: Timestamp | null;
  pathIds: string[];
}

/** A query matches what agrees with every field that is set in `info`. */
export interface RegistryQuery<T> {
  readonly info: T;
  /** Go on with changes after what is there. */
  readonly watch: boolean;
}

export interface RegistryEvent<T> {
  readonly info: T;
  readonly deleted: boolean;
}

export function newConnection(fields: Partial<Connection> = {}): Connection {
  return {
    id: "",
    networkService: "",
    mechanism: null,
    context: null,
    labels: {},
    path: null,
    networkServiceEndpointName: "",
    payload: "",
    state: "UP",
    ...fields,
  };
}

export function newSegment(fields: Partial<PathSegment> = {}): PathSegment {
  return { name: "", id: "", token: "", expires: null, metrics: {}, ...fields };
}

export function newIpContext(fields: Partial<IpContext> = {}): IpContext {
  return {
    srcIpAddrs: [],
    dstIpAddrs: [],
    srcIpRequired: false,
    dstIpRequired: false,
    srcRoutes: [],
    dstRoutes: [],
    excludedPrefixes: [],
    ipNeighbors: [],
    extraPrefixRequest: [],
    extraPrefixes: [],
    policies: [],
    ...fields,
  };
}

export function newContext(fields: Partial<ConnectionContext> = {}): ConnectionContext {
  return { ipContext: null, dnsContext: null, ethernetContext: null, extraContext: {}, MTU: 0, ...fields };
}

export function newService(fields: Partial<NetworkServiceInfo> = {}): NetworkServiceInfo {
  return { name: "", payload: "", matches: [], pathIds: [], ...fields };
}

export function newEndpoint(fields: Partial<EndpointInfo> = {}): EndpointInfo {
  return {
    name: "",
    networkServiceNames: [],
    networkServiceLabels: {},
    url: "",
    expirationTime: null,
    initialRegistrationTime: null,
    pathIds: [],
    ...fields,
  };
}

/**
 * A deep copy of a message, which is plain data: objects, arrays, texts and numbers. Each hop makes some of each
 * connection; structuredClone would take ten times as long.
 */
export function clone<T>(message: T): T {
  if (typeof message !== "object" || message === null) return message;
  if (Array.isArray(message)) return message.map((each) => clone<unknown>(each)) as T;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(message)) {
    // A label may have any name.
    if (key === "__proto__")
      Object.defineProperty(copy, key, {
        value: clone<unknown>(value),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    else copy[key] = clone<unknown>(value);
  }
  return copy as T;
}

/** The IP context of a connection, made where it is missing. */
export function ipContextOf(connection: Connection): IpContext {
  connection.context ??= newContext();
  connection.context.ipContext ??= newIpContext();
  return connection.context.ipContext;
}

/** The segment of the hop that the message is at; undefined where the index is out of the path. */
export function currentSegment(connection: Connection): PathSegment | undefined {
  return connection.path?.pathSegments[connection.path.index];
}

/** The segment of the hop that it came from. */
export function previousSegment(connection: Connection): PathSegment | undefined {
  const { path } = connection;
  return path == null || path.index === 0 ? undefined : path.pathSegments[path.index - 1];
}

export function toTimestamp(timeMs: number): Timestamp {
  const seconds = Math.floor(timeMs / 1000);
  return { seconds, nanos: Math.round((timeMs - seconds * 1000) * 1e6) };
}

/** Milliseconds since 1970; undefined for an unset timestamp. */
export function fromTimestamp(time: Timestamp | null | undefined): number | undefined {
  return time == null ? undefined : Number(time.seconds) * 1000 + time.nanos / 1e6;
}
