import { dirname, join } from "node:path";
import { firstOf, listOf, type Environment } from "@networkservicemesh/sdk-ts";
import { canonicalPrefix, familyOf, type DesiredState } from "../bridge/index.ts";
import {
  bviAddresses,
  clientPrefixProblem,
  firstHost,
  overlapProblem,
  selfIn,
  vipPrefixes,
  type LbFile,
} from "../config/index.ts";
import { durationIn, labelsIn } from "./environment.ts";
import { messageOf, NseError } from "./errors.ts";

/** A prefix that clients get addresses of. */
export interface Network {
  readonly prefix: string;
  /** The BVI's address in it, without length. */
  readonly self: string;
}

/** What a client's connection is made of, apart from the client. */
export interface OverlaySettings {
  readonly bridge: number;
  /** Bytes, L3. */
  readonly mtu: number;
  /** Names or prefixes of VIPs, names of streams; absent: all. */
  readonly vips?: readonly string[];
  /** Whether servers, VIPs and lb_conf are programmed by the controller. */
  readonly managed: boolean;
  /** Of each client as server. */
  readonly weight: number;
  readonly networks: readonly Network[];
  /** VIPs of a file that has none. */
  readonly defaultVips: readonly string[];
}

/** Of file and environment. Times in ms. */
export interface NseSettings extends OverlaySettings {
  readonly name: string;
  readonly service: string;
  readonly payload: "ETHERNET" | "IP";
  readonly labels: Readonly<Record<string, string>>;
  readonly connectTo: string;
  readonly listen: string;
  readonly mechanisms: readonly ("MEMIF" | "KERNEL")[];
  readonly hook: { readonly program?: string; readonly timeoutMs: number; readonly parallel: number };
  readonly lbManagedBy: "agent" | "hook";
  readonly linkLossMs: number;
  readonly memifDirectory: string;
  /** Path of VPP's network namespace. */
  readonly netns: string;
  readonly dialTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxTokenLifetimeMs: number;
  /** Absent: the environment says. */
  readonly insecure?: boolean;
  readonly spiffe?: string;
}

const DEFAULT_CONNECT = "unix:///var/lib/networkservicemesh/nsm.io.sock";
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What the surroundings give. */
export interface Surroundings {
  readonly env: Environment;
  readonly hostname: string;
  /** VPP's API socket. */
  readonly api: string;
  readonly pid: number;
}

/**
 * The section `nsm` with the environment's part.
 * @param desired what the file says
 * @throws NseError INPUT: all that is wrong, a line each
 */
export function resolveSettings(file: LbFile, desired: DesiredState, around: Surroundings): NseSettings {
  const { env } = around;
  const nsm = file.nsm;
  if (nsm === undefined)
    throw new NseError(
      "INPUT",
      "the file has no section `nsm`: write `nsm: {}` to take everything from the environment",
    );
  const name = nsm.name ?? firstOf(env, "NSM_NAME") ?? `load-balancer-${around.hostname}`;
  const connectTo = nsm.connectTo ?? firstOf(env, "NSM_CONNECT_TO") ?? DEFAULT_CONNECT;
  const labels = nsm.labels ?? labelsIn(env, "NSM_LABELS", "ENDPOINT_LABELS") ?? {};
  const program = nsm.hook.program ?? firstOf(env, "NSE_HOOK");
  const defaultVips = (listOf(firstOf(env, "VIP_ADDRESS")) ?? []).map((text) => toPrefix(text, "VIP_ADDRESS"));
  const managed = nsm.lbManagedBy === "agent";
  return {
    name,
    service: nsm.service ?? firstOf(env, "NSM_SERVICE_NAME", "ENDPOINT_NETWORK_SERVICE") ?? "load-balancer",
    payload: nsm.payload,
    labels,
    connectTo,
    listen: nsm.listen ?? firstOf(env, "NSM_LISTEN_ON") ?? besides(connectTo, `${name}.sock`),
    mechanisms: [...new Set(nsm.mechanisms)],
    lbManagedBy: nsm.lbManagedBy,
    managed,
    hook: {
      ...(program === undefined ? {} : { program }),
      timeoutMs: nsm.hook.timeoutMs,
      parallel: nsm.hook.parallel,
    },
    linkLossMs: nsm.linkLossMs,
    memifDirectory: nsm.memifDirectory ?? join(dirname(around.api), "memif"),
    netns: nsm.netns ?? `/proc/${around.pid}/ns/net`,
    dialTimeoutMs: nsm.dialTimeoutMs ?? durationIn(env, "NSM_DIAL_TIMEOUT") ?? 5000,
    requestTimeoutMs: nsm.requestTimeoutMs ?? durationIn(env, "NSM_REQUEST_TIMEOUT") ?? 15_000,
    maxTokenLifetimeMs: lifetime(nsm.maxTokenLifetimeS, env),
    ...(nsm.insecure === undefined ? {} : { insecure: nsm.insecure }),
    ...(nsm.spiffe === undefined ? {} : { spiffe: nsm.spiffe }),
    bridge: nsm.bridge,
    mtu: nsm.mtu,
    weight: file.lb?.weights === "equal" ? 1 : 100,
    ...(nsm.vips === undefined ? {} : { vips: checkedVips(nsm.vips, desired) }),
    networks: networksOf(nsm.prefixes ?? listOf(firstOf(env, "IP_ADDRESS")), nsm.bridge, desired, defaultVips),
    defaultVips,
  };
}

function lifetime(seconds: number | undefined, env: Environment): number {
  const ms = seconds === undefined ? durationIn(env, "NSM_MAX_TOKEN_LIFETIME") : seconds * 1000;
  return Math.min(ms ?? 600_000, 12 * MAX_TIMER_MS);
}

/** A socket in the folder of another. */
function besides(url: string, file: string): string {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(url)?.[1];
  if (path === undefined)
    throw new NseError(
      "INPUT",
      `the manager is at ${url}: say with nsm.listen or NSM_LISTEN_ON where it finds this endpoint`,
    );
  return `unix://${join(dirname(path), file)}`;
}

function toPrefix(text: string, where: string): string {
  try {
    return canonicalPrefix(text.includes("/") ? text : `${text}/${familyOf(text) === 4 ? 32 : 128}`);
  } catch (cause) {
    throw new NseError("INPUT", `${where}: ${messageOf(cause)}`, { cause });
  }
}

function networksOf(
  prefixes: readonly string[] | undefined,
  bridge: number,
  desired: DesiredState,
  vips: readonly string[],
): Network[] {
  if (prefixes === undefined)
    throw new NseError("INPUT", "no prefix to give clients addresses of: write nsm.prefixes or set IP_ADDRESS");
  const own = bviAddresses(desired, bridge);
  const canonical = prefixes.map((text) => toPrefix(text, "nsm.prefixes"));
  const all = [...vipPrefixes(desired), ...vips];
  return canonical.map((prefix, index) => {
    const problem = overlapProblem(prefix, canonical.slice(0, index), all) ?? clientPrefixProblem(prefix, own, bridge);
    if (problem !== undefined) throw new NseError("INPUT", `nsm.prefixes: ${problem}`);
    return { prefix, self: selfIn(prefix, own ?? [])?.split("/")[0] ?? firstHost(prefix) };
  });
}

function checkedVips(wanted: readonly string[], { vips, steering }: DesiredState): string[] {
  const known = new Set([
    ...vips.flatMap(({ name, prefix }) => [name, prefix]),
    ...(steering?.vips ?? []).flatMap(({ name, prefix }) => [name, prefix]),
    ...(steering?.streams ?? []).map(({ name }) => name),
  ]);
  return wanted.map((text) => {
    const name = known.has(text) || !text.includes("/") ? text : toPrefix(text, "nsm.vips");
    if (!known.has(name))
      throw new NseError("INPUT", `nsm.vips: the file has no VIP and no stream ${JSON.stringify(text)}`);
    return name;
  });
}
