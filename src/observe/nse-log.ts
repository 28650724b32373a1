import type { HookCall, HookOutcome } from "../hooks/hooks.ts";
import type { NseEvent, ServedConnection } from "../nse/events.ts";
import type { LogEntry } from "./events.ts";

/** What is logged of an event of the load-balancer's endpoint. */
export function logOfNse(event: NseEvent): LogEntry {
  const { at, message } = event;
  const same = { at, message };
  switch (event.type) {
    case "endpoint_started": {
      const { name: endpoint, service, url, vips, restored } = event;
      return { ...same, event: "nse-registered", endpoint, service, url, vips, restored };
    }
    case "endpoint_stopped":
      return { ...same, event: "nse-unregistered", endpoint: event.name };
    case "registration_failed":
      return { ...same, event: "nse-registration-failed" };
    case "refused":
      return { ...same, event: "nse-refused", connection: event.id, client: event.client, code: event.code };
    case "vip_added":
      return { ...same, event: "nse-vip-added", vip: event.prefix };
    case "vip_removed":
      return { ...same, event: "nse-vip-removed", vip: event.prefix };
    case "vpp_restarted":
      return { ...same, event: "nse-vpp-restarted" };
    case "state":
      return { ...same, event: event.ok ? "nse-state-written" : "nse-state-failed" };
    default:
      return logOfConnection(event);
  }
}

function logOfConnection(event: Extract<NseEvent, { readonly connection: ServedConnection }>): LogEntry {
  const { at, message, connection } = event;
  const same = { at, message, ...about(connection) };
  switch (event.type) {
    case "connected":
    case "refreshed":
    case "closed":
    case "expired":
      return { ...same, event: `nse-${event.type}` };
    case "healed":
    case "drained":
      return { ...same, event: `nse-${event.type}`, why: event.why };
    case "closing":
      return { ...same, event: "nse-closing", reason: event.reason };
    case "server_up":
      return { ...same, event: "nse-server-up" };
    case "server_down":
      return { ...same, event: "nse-server-down", why: event.why };
    case "drain_started":
      return { ...same, event: "nse-drain-started", deadlineAt: event.deadlineAt };
    case "attach_failed":
      return { ...same, event: "nse-attach-failed" };
  }
}

function about({ id, client, networkService: service, addresses, mechanism, interface: device }: ServedConnection) {
  return { connection: id, client, service, addresses, mechanism, interface: device };
}

/** A line that a hook wrote on standard error, as the NSM example logs it. */
export function logOfHookLine(line: string, { event: hook, args = [] }: HookCall): LogEntry {
  return { event: "hook-stderr", message: `NSE_HOOK stderr; ${line}`, hook, args };
}

/** What is logged of a hook's run; nothing where none is configured. */
export function logOfHook(outcome: HookOutcome): LogEntry | undefined {
  const { call, result, exitCode, signal } = outcome;
  if (result === "skipped") return undefined;
  const { event: hook, args = [] } = call;
  const ms = Math.round(outcome.durationMs);
  const what = `NSE_HOOK ${[hook, ...args].join(" ")}`;
  if (result === "ok") return { event: "hook-done", message: `${what}: done in ${ms} ms`, hook, args, ms };
  const message = `${what}: ${whyOf(outcome)}`;
  return { event: "hook-failed", message, hook, args, ms, result, exitCode, signal };
}

function whyOf({ result, exitCode, signal, error, durationMs }: HookOutcome): string {
  switch (result) {
    case "missing":
      return `it cannot be run: ${error ?? "no such program"}`;
    case "dropped":
      return "not run: too many wait, or the agent ends";
    case "timeout":
      return `ended after ${Math.round(durationMs)} ms, its deadline${error === undefined ? "" : `: ${error}`}`;
    default:
      return signal === undefined ? `exit status ${exitCode ?? "unknown"}` : `ended by ${signal}`;
  }
}
