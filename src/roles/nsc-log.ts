import type { NscEvent, ServiceStatus } from "../nsc/index.ts";
import type { LogEntry } from "../observe/events.ts";

function about({ service, device, id: connection }: ServiceStatus) {
  return { service, device, connection };
}

/** What the log says of an event of the client agent. */
export function nscEntry(event: NscEvent): LogEntry {
  const { at, message } = event;
  const same = { at, message };
  switch (event.type) {
    case "connected":
    case "changed": {
      const { endpoint = "", addresses = [], gateways = [], vips = [] } = event.service.offer ?? {};
      return { ...same, event: `nsc-${event.type}`, ...about(event.service), endpoint, addresses, gateways, vips };
    }
    case "request-failed":
      return { ...same, event: "nsc-request-failed", ...about(event.service), code: event.code };
    case "lost":
      return { ...same, event: "nsc-lost", ...about(event.service), what: event.what };
    case "healing":
    case "healed":
      return { ...same, event: `nsc-${event.type}`, ...about(event.service), reselect: event.reselect };
    case "silent":
    case "refused":
    case "ignored":
    case "closed":
      return { ...same, event: `nsc-${event.type}`, ...about(event.service) };
    case "configured":
      return { ...same, event: "nsc-configured", vips: event.vips, devices: event.devices };
    case "ready":
      return { ...same, event: "nsc-ready", vips: event.vips, gre: event.gre };
    case "draining":
      return { ...same, event: "nsc-draining", seconds: event.seconds };
    case "drained":
      return { ...same, event: "nsc-drained", connections: event.connections };
    default:
      return { ...same, event: `nsc-${event.type}` };
  }
}
