/** What the events of one connection tell beside their message. */
const CONNECTION = {
  connection: "string",
  client: "string",
  endpoint: "string",
  service: "string",
  mechanism: "string",
} as const;

const SERVICE = { service: "string", payload: "string?", matches: "number" } as const;
const ENDPOINT = { endpoint: "string", services: "strings", url: "string" } as const;

/** Events of `vpplb nsm`: a part of the table in events.ts. */
export const MESH_EVENTS = {
  "mesh-ready": {
    level: "info",
    when: "`vpplb nsm` serves registry, manager and forwarder; `identity` is missing on clear text",
    fields: { listen: "strings", identity: "string?", http: "string?" },
  },
  "mesh-stopping": {
    level: "info",
    when: "a signal ends `vpplb nsm`; what it has wired stays",
    fields: { connections: "number" },
  },
  "mesh-service-registered": {
    level: "info",
    when: "a network service is new, given or registered by an endpoint",
    fields: SERVICE,
  },
  "mesh-service-unregistered": {
    level: "info",
    when: "a network service is no longer registered",
    fields: SERVICE,
  },
  "mesh-endpoint-registered": {
    level: "info",
    when: "an endpoint is new; renewals are not told",
    fields: ENDPOINT,
  },
  "mesh-endpoint-unregistered": {
    level: "info",
    when: "an endpoint was unregistered, or did not renew its registration in time",
    fields: ENDPOINT,
  },
  "mesh-connected": {
    level: "info",
    when: "a client has its connection: it is wired",
    fields: CONNECTION,
  },
  "mesh-refreshed": {
    level: "debug",
    when: "a client has refreshed or changed its connection",
    fields: CONNECTION,
  },
  "mesh-disconnected": {
    level: "info",
    when: "a connection was closed, or nobody refreshed it in time: its link is gone",
    fields: CONNECTION,
  },
  "mesh-client-gone": {
    level: "warn",
    when: "no process is left in a client's network namespace, and it has no name: the connection is closed for it",
    fields: { connection: "string", client: "string" },
  },
  "mesh-links-found": {
    level: "info",
    when: "`vpplb nsm` starts, and finds what an earlier start has wired; it stays until its connections expire",
    fields: { connections: "number" },
  },
  "mesh-link-removed": {
    level: "info",
    when: "an interface of an earlier start was removed: its connection has expired, or it was never finished",
    fields: { interface: "string", why: "string" },
  },
  "mesh-links-failed": {
    level: "warn",
    when: "interfaces of an earlier start could not be looked for or removed, or a link could not be made again in a VPP that has come back, or the connection of a client that is gone not ended",
    fields: {},
  },
  "mesh-request-failed": {
    level: "warn",
    when: "a Request was refused or failed; `code` is one of the SDK's",
    fields: { client: "string", service: "string", code: "string" },
  },
} as const;
