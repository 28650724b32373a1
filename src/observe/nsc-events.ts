/** What the events of one connection tell beside their message. */
const CONNECTION = { service: "string", device: "string", connection: "string" } as const;

const OFFER = {
  ...CONNECTION,
  endpoint: "string",
  addresses: "strings",
  gateways: "strings",
  vips: "strings",
} as const;

const HEALING = { ...CONNECTION, reselect: "boolean" } as const;

/** Events of `vpplb nsc`: a part of the table in events.ts. */
export const NSC_EVENTS = {
  "nsc-ready": {
    level: "info",
    when: "the client agent has every connection, and the host is set up",
    fields: { vips: "strings", gre: "string" },
  },
  "nsc-unready": { level: "warn", when: "a connection, or a part of the host's set-up, is missing", fields: {} },
  "nsc-stopping": { level: "info", when: "a signal ends the client agent", fields: {} },
  "nsc-connected": {
    level: "info",
    when: "an endpoint gave the client agent a connection",
    fields: OFFER,
  },
  "nsc-changed": {
    level: "info",
    when: "a connection of the client agent gives something else than before",
    fields: OFFER,
  },
  "nsc-request-failed": {
    level: "warn",
    when: "the client agent asked for a connection and did not get it; it asks again",
    fields: { ...CONNECTION, code: "string" },
  },
  "nsc-refused": {
    level: "warn",
    when: "what an endpoint gives cannot be used; nothing of it is set up",
    fields: CONNECTION,
  },
  "nsc-ignored": {
    level: "warn",
    when: "a part of what an endpoint gives is not taken",
    fields: CONNECTION,
  },
  "nsc-lost": {
    level: "warn",
    when: "the next hop, or the way to the gateway, is lost",
    fields: { ...CONNECTION, what: "string" },
  },
  "nsc-silent": {
    level: "warn",
    when: "the gateway does not answer, and the mesh still has the connection: replies go by others, where there are any",
    fields: CONNECTION,
  },
  "nsc-healing": {
    level: "info",
    when: "a lost connection is asked for again: as it was, or (`reselect`) from any endpoint",
    fields: HEALING,
  },
  "nsc-healed": {
    level: "info",
    when: "a lost connection is there again",
    fields: HEALING,
  },
  "nsc-closed": {
    level: "info",
    when: "the client agent closed a connection",
    fields: CONNECTION,
  },
  "nsc-configured": {
    level: "info",
    when: "the host was brought to what the connections give",
    fields: { vips: "strings", devices: "strings" },
  },
  "nsc-repaired": { level: "warn", when: "somebody had changed the host's set-up; it is as it was again", fields: {} },
  "nsc-setup-failed": { level: "warn", when: "a part of the host's set-up failed; it is tried again", fields: {} },
  "nsc-state-failed": {
    level: "warn",
    when: "the client agent's state or status file cannot be written",
    fields: { path: "string" },
  },
  "nsc-draining": { level: "info", when: "load-balancers are asked for no new flows", fields: { seconds: "number" } },
  "nsc-drained": {
    level: "info",
    when: "no connection to a VIP is left, or the drain's time is over",
    fields: { connections: "number" },
  },
} as const;
