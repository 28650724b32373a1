/** What an event of one connection tells beside its message. */
const CONNECTION = {
  connection: "string",
  client: "string",
  service: "string",
  addresses: "strings",
  mechanism: "string",
  interface: "string",
} as const;

/** Events of `vpplb nse` beside the controller's, and of its hooks: a part of the table in events.ts. */
export const NSE_EVENTS = {
  "nse-registered": {
    level: "info",
    when: "the load-balancer's endpoint is registered; `restored` connections came back with the agent",
    fields: { endpoint: "string", service: "string", url: "string", vips: "strings", restored: "number" },
  },
  "nse-unregistered": {
    level: "info",
    when: "the endpoint is unregistered: a signal ends the agent; connections stay",
    fields: { endpoint: "string" },
  },
  "nse-registration-failed": {
    level: "warn",
    when: "the endpoint could not be registered or kept registered; it is tried again",
    fields: {},
  },
  "nse-connected": { level: "info", when: "a new connection was answered", fields: CONNECTION },
  "nse-refreshed": { level: "debug", when: "a connection was asked for again, in time", fields: CONNECTION },
  "nse-healed": {
    level: "info",
    when: "a connection is taken up again after a restart of the agent, or has another mechanism or address: `why`",
    fields: { ...CONNECTION, why: "string" },
  },
  "nse-refused": {
    level: "warn",
    when: "a Request was refused and left nothing; `code` is one of the SDK's",
    fields: { connection: "string", client: "string", code: "string" },
  },
  "nse-closing": {
    level: "debug",
    when: "a connection is about to go and still wired: closed by its client, or (`expired`) not refreshed in time",
    fields: { ...CONNECTION, reason: "string" },
  },
  "nse-closed": {
    level: "info",
    when: "a client has closed its connection: nothing of it is left",
    fields: CONNECTION,
  },
  "nse-expired": {
    level: "warn",
    when: "a connection was not refreshed until its token expired: nothing of it is left",
    fields: CONNECTION,
  },
  "nse-server-up": { level: "info", when: "a client's interface works: it can be a server", fields: CONNECTION },
  "nse-server-down": {
    level: "warn",
    when: "a client's interface does not work any more (`why`: link), or VPP is another one (vpp)",
    fields: { ...CONNECTION, why: "string" },
  },
  "nse-drain-started": {
    level: "info",
    when: "a client asked to get no new flows",
    fields: { ...CONNECTION, deadlineAt: "string?" },
  },
  "nse-drained": {
    level: "info",
    when: "a drain that a client asked for has ended: deadline, no-connections, undone",
    fields: { ...CONNECTION, why: "string" },
  },
  "nse-vip-added": { level: "info", when: "clients serve another VIP now", fields: { vip: "string" } },
  "nse-vip-removed": { level: "info", when: "clients do not serve a VIP any more", fields: { vip: "string" } },
  "nse-vpp-restarted": { level: "info", when: "VPP is another one than before, and is programmed anew", fields: {} },
  "nse-state-failed": {
    level: "warn",
    when: "the file of the connections cannot be written; it is tried again",
    fields: {},
  },
  "nse-state-written": { level: "info", when: "the file of the connections can be written again", fields: {} },
  "nse-attach-failed": {
    level: "warn",
    when: "a client's kernel interface could not be prepared for VPP; it is tried again",
    fields: CONNECTION,
  },
  "hook-stderr": {
    level: "info",
    when: "a hook wrote a line on its standard error: the message begins with `NSE_HOOK stderr;`",
    fields: { hook: "string", args: "strings" },
  },
  "hook-done": {
    level: "debug",
    when: "a hook has run and ended with 0",
    fields: { hook: "string", args: "strings", ms: "number" },
  },
  "hook-failed": {
    level: "warn",
    when: "a hook could not be run, failed, overran its deadline or was not run: `result`",
    fields: { hook: "string", args: "strings", ms: "number", result: "string", exitCode: "number?", signal: "string?" },
  },
} as const;
