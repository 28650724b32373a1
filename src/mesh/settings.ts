import { firstNamed, firstOf, listOf, parseTimeout, type Environment } from "@networkservicemesh/sdk-ts";
import { MeshError } from "./errors.ts";

/** What the command line of `vpplb nsm` says. Times as Go writes them. */
export interface MeshFlags {
  readonly name?: string;
  readonly listen?: readonly string[];
  readonly maxTokenLifetime?: string;
  readonly maxRegistration?: string;
  readonly dialTimeout?: string;
}

export interface MeshSettings {
  readonly name: string;
  readonly listen: readonly string[];
  /** What is undefined has its default where it is used. */
  readonly maxTokenLifetimeMs: number | undefined;
  readonly maxRegistrationMs: number | undefined;
  readonly dialTimeoutMs: number | undefined;
}

/**
 * Flags over environment, as NSM's managers read it, over defaults.
 * @throws MeshError INPUT
 */
export function readMeshSettings(
  flags: MeshFlags,
  env: Environment,
  defaults: { readonly name: string; readonly listen: string },
): MeshSettings {
  const time = (flag: string | undefined, option: string, variable?: string): number | undefined => {
    if (flag !== undefined) return timeOf(flag, option);
    const found = variable === undefined ? undefined : firstNamed(env, variable);
    return found === undefined ? undefined : timeOf(found.value, found.name);
  };
  return {
    name: flags.name ?? firstOf(env, "NSM_NAME") ?? defaults.name,
    listen: flags.listen ?? listOf(firstOf(env, "NSM_LISTEN_ON")) ?? [defaults.listen],
    maxTokenLifetimeMs: time(flags.maxTokenLifetime, "--max-token-lifetime", "NSM_MAX_TOKEN_LIFETIME"),
    maxRegistrationMs: time(flags.maxRegistration, "--max-registration"),
    dialTimeoutMs: time(flags.dialTimeout, "--dial-timeout", "NSM_DIAL_TIMEOUT"),
  };
}

function timeOf(text: string, what: string): number {
  const ms = parseTimeout(text);
  if (ms !== undefined) return ms;
  throw new MeshError("INPUT", `${what}: ${JSON.stringify(text)} is no time above 0: 15s, 500ms, 1h30m`);
}
