import type { ConnectionState } from "vpp-api-ts";
import type { Connection } from "@networkservicemesh/sdk-ts";
import { describeConnection, type MeshEvent } from "../mesh/index.ts";
import type { LogEntry } from "../observe/events.ts";

/** What is logged of the VPP that was given; nothing once it is closed. */
export function vppEntry(state: ConnectionState): LogEntry | undefined {
  switch (state.status) {
    case "ready":
      return { event: "vpp-connected", message: `VPP ${state.version}`, version: state.version, pid: state.pid };
    case "failed":
      return { event: "vpp-failed", message: state.error.message };
    case "connecting":
      return { event: "vpp-connecting", message: "connecting to VPP" };
    default:
      return undefined;
  }
}

/** What is logged of a mesh. */
export function meshEntry(event: MeshEvent): LogEntry {
  switch (event.type) {
    case "service-registered":
    case "service-unregistered": {
      const { name, payload, matches } = event.service;
      const message = `network service ${name}${event.type === "service-registered" ? "" : " is gone"}`;
      return {
        event: `mesh-${event.type}`,
        message,
        service: name,
        payload: payload || undefined,
        matches: matches.length,
      };
    }
    case "endpoint-registered":
    case "endpoint-unregistered": {
      const { name, url, networkServiceNames: services } = event.endpoint;
      const what = event.type === "endpoint-registered" ? `serves ${services.join(", ")} at ${url}` : "is gone";
      return { event: `mesh-${event.type}`, message: `endpoint ${name} ${what}`, endpoint: name, services, url };
    }
    case "request-failed": {
      const service = event.connection?.networkService ?? "";
      const client = event.connection?.path?.pathSegments[0]?.name ?? "";
      const message = `${client || "somebody"} asked for ${service || "nothing"}: ${event.error.message}`;
      const { code } = event.error as { code?: unknown };
      return { event: "mesh-request-failed", message, client, service, code: String(code ?? "INTERNAL") };
    }
    default:
      return connectionEntry(event.type, event.connection);
  }
}

function connectionEntry(type: "connected" | "refreshed" | "disconnected", connection: Connection): LogEntry {
  const { client, endpoint, service } = describeConnection(connection);
  const verb = { connected: "to", refreshed: "still to", disconnected: "no longer to" }[type];
  const mechanism = connection.mechanism?.type ?? "";
  const message = `${client} ${verb} ${endpoint} (${service}, ${mechanism})`;
  return { event: `mesh-${type}`, message, connection: connection.id, client, endpoint, service, mechanism };
}
