import { hostname } from "node:os";
import { firstNamed, firstOf, listOf, parseGoBool, parseTimeout, type Environment } from "@networkservicemesh/sdk-ts";
import { NscError } from "./errors.ts";
import { parsePrefixes } from "./prefixes.ts";
import { parseLabels, parseServices, type ServiceRequest } from "./service-url.ts";

/** What command line and environment may say; what is left out has its default. */
export interface NscFlags {
  readonly urls?: readonly string[];
  readonly name?: string;
  readonly connectTo?: string;
  readonly labels?: readonly string[];
  readonly vips?: readonly string[];
  readonly dialTimeout?: string;
  readonly requestTimeout?: string;
  readonly maxTokenLifetime?: string;
  /** false: gateways are not looked at. */
  readonly liveness?: boolean;
}

/** What the agent is to do. */
export interface NscSettings {
  readonly name: string;
  readonly connectTo: string;
  readonly services: readonly ServiceRequest[];
  /** VIPs that are served whatever the endpoints say; empty: those that they say. */
  readonly vips: readonly string[];
  readonly dialTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxTokenLifetimeMs: number;
  /** undefined: gateways are not looked at. */
  readonly liveness: LivenessSettings | undefined;
}

export interface LivenessSettings {
  readonly intervalMs: number;
  /** A gateway that is silent for so long gets no replies while others take them; lost where the mesh lost it, too. */
  readonly timeoutMs: number;
  /** Lost although the mesh still has it. */
  readonly patienceMs: number;
}

const MAX_NAME = 200;

/**
 * Flags over environment (as cmd-nsc's, the older client's CLIENT_LABELS and CLIENT_NETWORK_SERVICE, and VIP_ADDRESS)
 * over defaults.
 * @throws NscError INPUT
 */
export function readSettings(flags: NscFlags, environment: Environment): NscSettings {
  const value: Value = (...names) => firstOf(environment, ...names);
  const duration = (flag: string | undefined, option: string, names: readonly string[], otherwise: string): number => {
    if (flag !== undefined) return parseTime(flag, option);
    const found = firstNamed(environment, ...names);
    return parseTime(found?.value ?? otherwise, found?.name ?? option);
  };
  const name = flags.name ?? value("NSM_NAME") ?? `nsc-${hostname()}`;
  if (name.length > MAX_NAME || !/^[\w.@-]+$/.test(name))
    throw new NscError("INPUT", `${JSON.stringify(name)} is no name: letters, digits, ".", "-", "_" (NSM_NAME)`);
  const connectTo = flags.connectTo ?? value("NSM_CONNECT_TO") ?? "unix:///var/lib/networkservicemesh/nsm.io.sock";
  if (!/^(unix:(\/\/)?(\/|@).+|tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]+):\d{1,5})$/.test(connectTo))
    throw new NscError("INPUT", `${JSON.stringify(connectTo)} (NSM_CONNECT_TO) is no unix:///path or tcp://host:port`);
  return {
    name,
    connectTo,
    services: servicesOf(flags, value),
    vips: parsePrefixes(flags.vips ?? listOf(value("VIP_ADDRESS")) ?? [], "VIP_ADDRESS"),
    dialTimeoutMs: duration(flags.dialTimeout, "--dial-timeout", ["NSM_DIAL_TIMEOUT"], "5s"),
    requestTimeoutMs: duration(flags.requestTimeout, "--request-timeout", ["NSM_REQUEST_TIMEOUT"], "15s"),
    maxTokenLifetimeMs: duration(flags.maxTokenLifetime, "--max-token-lifetime", ["NSM_MAX_TOKEN_LIFETIME"], "10m"),
    liveness: livenessOf(flags, value, duration),
  };
}

type Value = (...names: string[]) => string | undefined;

/** @param what for the message @throws NscError INPUT: no duration, not above 0, or above 10 years */
export function parseTime(text: string, what: string): number {
  const ms = parseTimeout(text);
  if (ms !== undefined) return ms;
  throw new NscError("INPUT", `${what}: ${JSON.stringify(text)} is no time above 0: 15s, 500ms, 1h30m`);
}

function servicesOf(flags: NscFlags, value: Value): readonly ServiceRequest[] {
  const labels = {
    ...parseLabels(value("CLIENT_LABELS") ?? "", "CLIENT_LABELS"),
    ...parseLabels(value("NSM_LABELS") ?? "", "NSM_LABELS"),
    ...parseLabels((flags.labels ?? []).join(","), "--label"),
  };
  const older = value("CLIENT_NETWORK_SERVICE");
  const listed = value("NSM_NETWORK_SERVICES")
    ?.split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
  const given = flags.urls !== undefined && flags.urls.length > 0 ? flags.urls : listed;
  return parseServices(given ?? (older === undefined ? [] : [`kernel://${older}`]), labels);
}

function livenessOf(
  flags: NscFlags,
  value: Value,
  duration: (flag: undefined, option: string, names: readonly string[], otherwise: string) => number,
): NscSettings["liveness"] {
  const names = (what: string) => [`NSM_LIVENESSCHECK${what}`, `NSM_LIVENESS_CHECK_${what}`];
  const text = value(...names("ENABLED")) ?? "true";
  const enabled = parseGoBool(text);
  if (enabled === undefined)
    throw new NscError("INPUT", `NSM_LIVENESSCHECKENABLED is true or false, not ${JSON.stringify(text)}`);
  if (flags.liveness === false || !enabled) return undefined;
  const timeout = (otherwise: string) => duration(undefined, "", names("TIMEOUT"), otherwise);
  return {
    intervalMs: duration(undefined, "", names("INTERVAL"), "1200ms"),
    timeoutMs: timeout("3s"),
    // Longer than a restart of VPP: whoever moves to another load-balancer for that loses flows.
    patienceMs: timeout("15s"),
  };
}
