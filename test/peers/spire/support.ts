import { fromSource, type NsmIdentity } from "../../../src/roles/nsm-identity.ts";
import { IdentitySource } from "../../../src/spiffe/index.ts";
import { GoMesh, type Options, type Peer } from "../nsm/peer.ts";
import type { Spire } from "./spire.ts";

/** Go peers of which each has the SPIFFE ID of its name. */
export class SpireMesh extends GoMesh {
  readonly #spire: Spire;

  constructor(program: string, folder: string, spire: Spire, common: Options = {}) {
    super(program, folder, { spiffe: spire.socket, ...common });
    this.#spire = spire;
  }

  override start(name: string, options: Options): Peer {
    return super.start(name, { id: this.#spire.id(name), ...options });
  }
}

/** An identity of this process, and what keeps it current. */
export interface Own extends NsmIdentity {
  readonly source: IdentitySource;
}

/** @param signal closes it */
export async function identityOf(spire: Spire, name: string, signal: AbortSignal, lifetimeMs = 60_000): Promise<Own> {
  const source = await IdentitySource.open({ socket: spire.socket, id: spire.id(name), timeoutMs: 20_000 }, signal);
  return { ...fromSource(source, lifetimeMs), id: spire.id(name), source };
}

/** Header and claims of a JWT; nothing of it is checked. */
export function decoded(token: string): { alg: string; sub: string; aud: string[]; exp: number } {
  const [header, claims] = token
    .split(".")
    .slice(0, 2)
    .map((part) => {
      const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString() || "{}");
      return value as object;
    });
  return { ...header, ...claims } as { alg: string; sub: string; aud: string[]; exp: number };
}
