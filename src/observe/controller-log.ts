import type { ControllerEvent } from "../controller/types.ts";
import type { LogEntry } from "./events.ts";

/** What is logged of a controller's event. */
export function logOfController(event: ControllerEvent): LogEntry {
  const { at, message } = event;
  switch (event.type) {
    case "vpp":
      return logOfVpp(event);
    case "config":
      return { event: event.ok ? "config-loaded" : "config-refused", at, message };
    case "plan":
      return { event: "plan", at, message, reason: event.reason, operations: event.operations };
    case "operation":
      return { event: event.ok ? "operation-done" : "operation-failed", at, message, id: event.id };
    case "sync":
      return { event: event.state === "error" ? "sync-failed" : "sync", at, message, state: event.state };
    case "drain":
      return { event: event.ended === true ? "drain-ended" : "drain-started", at, message, server: event.server };
    case "untracked":
      return { event: "untracked-packets", at, message, packets: event.packets };
    case "rival":
      return { event: "other-controllers", at, message, others: event.others };
    case "state":
      return { event: event.ok ? "state-written" : "state-failed", at, message };
  }
}

function logOfVpp(event: ControllerEvent & { type: "vpp" }): LogEntry {
  const { at, message, version, pid } = event;
  switch (event.state) {
    case "ready":
      return { event: "vpp-connected", at, message, version, pid };
    case "failed":
      return { event: "vpp-failed", at, message };
    case "connecting":
      return { event: "vpp-connecting", at, message };
    case "closed":
      return { event: "vpp-closed", at, message };
  }
}
